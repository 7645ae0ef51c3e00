//! A job's folder in the store, in which the engine and the job meet: plain files, each with one writer.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    digest::Digest,
    engine::compute::Work,
    fsx::{self, Durability},
    protocol::Failure,
    slurm::JobId,
    store::Store,
};

/// The version of these files. A job of another version of pcamflow is not computed.
const FORMAT: u32 = 1;

/// What a job computes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::engine) struct Spec {
    format: u32,
    pcamflow: String,
    /// The folder of the store.
    pub(super) store: PathBuf,
    /// Whether the programs of stages are kept off the network.
    pub(super) offline: bool,
    /// How many attempts were made before this job.
    pub(super) failed: u32,
    pub(super) work: Work,
}

impl Spec {
    pub(super) fn new(store: &Store, offline: bool, failed: u32, work: &Work) -> Self {
        Self {
            format: FORMAT,
            pcamflow: env!("CARGO_PKG_VERSION").to_owned(),
            store: store.root().to_owned(),
            offline,
            failed,
            work: work.clone(),
        }
    }

    /// Whether this program can compute it.
    ///
    /// # Errors
    /// It was written by another version.
    pub(super) fn check(&self) -> Result<(), String> {
        let own = env!("CARGO_PKG_VERSION");
        match self.format == FORMAT && self.pcamflow == own {
            true => Ok(()),
            false => Err(format!(
                "this job was submitted by pcamflow {}, and the pcamflow here is {own}: run again to submit it anew",
                self.pcamflow
            )),
        }
    }
}

/// How a job ended, in its own words.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::engine) struct Ended {
    /// `None` if the result is in the store.
    pub(super) failure: Option<Failure>,
    /// How many attempts have failed.
    pub(super) attempts: u32,
    pub(super) log: Option<PathBuf>,
}

/// The files of a job.
#[derive(Debug, Clone)]
pub(in crate::engine) struct JobFolder(PathBuf);

impl JobFolder {
    /// The folder of the job that computes a key, whether it exists or not.
    pub(in crate::engine) fn of(store: &Store, key: &Digest) -> Self {
        Self(store.job_of(key))
    }

    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What Slurm and the job print.
    pub(super) fn output(&self) -> PathBuf {
        self.0.join("output.txt")
    }

    /// What the stage says while it is computed.
    pub(in crate::engine) fn events(&self) -> PathBuf {
        self.0.join("events.jsonl")
    }

    pub(super) fn write_spec(&self, spec: &Spec) -> Result<(), Failure> {
        self.write("job.json", spec)
    }

    /// # Errors
    /// It is missing, or is not one.
    pub(super) fn spec(&self) -> Result<Spec, String> {
        let path = self.0.join("job.json");
        let bytes = fsx::read(&path).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| format!("{} is damaged: {error}", path.display()))
    }

    pub(super) fn write_submitted(&self, id: JobId) -> Result<(), Failure> {
        self.write("submitted.json", &id)
    }

    /// The job that was submitted last.
    pub(in crate::engine) fn submitted(&self) -> Option<JobId> {
        self.read("submitted.json")
    }

    pub(super) fn write_ended(&self, ended: &Ended) -> Result<(), Failure> {
        self.write("ended.json", ended)
    }

    /// A job that Slurm starts again has not ended.
    pub(super) fn begin(&self) -> Result<(), String> {
        fsx::remove_file(&self.0.join("ended.json")).map(drop).map_err(|error| error.to_string())
    }

    pub(in crate::engine) fn ended(&self) -> Option<Ended> {
        self.read("ended.json")
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(value).map_err(Failure::environment)?;
        fsx::write_atomic(&self.0.join(name), &bytes, Durability::Durable).map_err(Failure::environment)
    }

    /// What cannot be read is not there: it is written whole, or by hand.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = fsx::read_if_there(&self.0.join(name)).ok()??;
        serde_json::from_slice(&bytes).ok()
    }
}

/// The comment of the job that computes a key for a store, by which it is found in Slurm's queue.
pub(in crate::engine) fn mark(store: &Store, key: &Digest) -> String {
    let root = store.root().canonicalize().unwrap_or_else(|_| store.root().to_owned());
    let store = Digest::of(root.as_os_str().as_encoded_bytes());
    format!("pcamflow {} {}", key.hex(), store.short())
}
