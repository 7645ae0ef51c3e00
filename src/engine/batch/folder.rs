//! A job's folder in the store, in which the engine and the job meet: plain files, each with one writer.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    digest::Digest,
    engine::compute::Work,
    fsx::{self, Durability},
    protocol::Failure,
    slurm::JobId,
    store::Store,
};

const SPEC: &str = "job.json";
const SUBMITTED: &str = "submitted.json";
const ENDED: &str = "ended.json";
const TOLD: &str = "told.json";

/// How much of a job's output is read.
const OUTPUT: u64 = 64 << 10;

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

/// A job that was submitted, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Submitted {
    pub(super) job: JobId,
    /// The number of the user.
    pub(super) user: u32,
}

/// How a job ended, in its own words.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ended {
    /// The job; `None` if it does not know its number.
    pub(super) job: Option<JobId>,
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
        self.write(SPEC, spec)
    }

    /// # Errors
    /// It is missing, or is not one.
    pub(super) fn spec(&self) -> Result<Spec, String> {
        let path = self.0.join(SPEC);
        let bytes = fsx::read(&path).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| format!("{} is damaged: {error}", path.display()))
    }

    /// Whether a submission was begun, and when.
    pub(super) fn is_newer_than(&self, age: Duration) -> bool {
        let written = self.0.join(SPEC).metadata().and_then(|metadata| metadata.modified());
        written.is_ok_and(|written| written.elapsed().is_ok_and(|since| since < age))
    }

    pub(super) fn write_submitted(&self, submitted: Submitted) -> Result<(), Failure> {
        self.write(SUBMITTED, &submitted)
    }

    /// The job that was submitted last.
    pub(super) fn submitted(&self) -> Option<Submitted> {
        self.read(SUBMITTED)
    }

    pub(super) fn write_ended(&self, ended: &Ended) -> Result<(), Failure> {
        self.write(ENDED, ended)
    }

    /// How a job has ended, if it has said so. What another job said does not count.
    pub(super) fn ended(&self, id: JobId) -> Option<Ended> {
        self.read(ENDED).filter(|ended: &Ended| ended.job.is_none_or(|job| job == id))
    }

    /// A job begins, perhaps again: what its former start has said does not count.
    pub(super) fn begin(&self) -> Result<(), String> {
        fsx::remove_file(&self.0.join(ENDED)).map_err(|error| error.to_string())?;
        if std::env::var_os("SLURM_RESTART_COUNT").is_some() {
            // Slurm appends to it, also after this.
            let _ = File::options().write(true).open(self.output()).and_then(|output| output.set_len(0));
        }
        Ok(())
    }

    /// Notes that people have been told how a job ended.
    pub(super) fn note_told(&self, id: JobId) {
        if let Err(failure) = self.write(TOLD, &id) {
            tracing::debug!("{}", failure.message);
        }
    }

    /// The job of whose end people have been told.
    pub(super) fn told(&self) -> Option<JobId> {
        self.read(TOLD)
    }

    /// The end of what Slurm and the job have printed.
    pub(super) fn last_output(&self) -> String {
        let read = || {
            let mut file = File::open(self.output())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(OUTPUT)))?;
            let mut bytes = Vec::new();
            file.take(OUTPUT).read_to_end(&mut bytes).map(|_| bytes)
        };
        read().map(|bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Lists the folder. On a file system of the network this asks for what is new in it.
    pub(super) fn refresh(&self) {
        let _ = fsx::list(&self.0);
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
