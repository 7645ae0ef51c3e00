//! Computes stages again and compares them with the results in the store, for `pcamflow verify`.
//!
//! Tasks, resources and executors are those of a run, but the folders are temporary and nothing is published.
//! The new files exist as long as [`Again`] does. Compares digests; judges nothing.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use serde::Serialize;

use crate::engine::{
    compute::{check_written, path_of, until_stopped},
    exec::{Executor, Listener},
    plan::{
        engine::{Engine, Refused},
        forecast::Outlook,
        planner::{Made, Planner},
    },
    run::{resources::Resources, task::sources},
    tell::event::{Event, Observer},
};
use crate::{
    fsx,
    place::host,
    protocol::{EpochEnd, Failure, Level, Progress, Task},
    stages::Equality,
    store::{self, ActionRecord, Check},
};

/// The conditions under which a result was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conditions {
    /// The machine.
    pub host: String,
    /// Where tensors lived.
    pub device: String,
    /// Threads that computed.
    pub threads: usize,
    /// Versions of what computed.
    pub versions: std::collections::BTreeMap<String, String>,
}

/// An artifact in the store, and the same artifact computed again.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// Its file's name.
    pub file: fsx::Below,
    /// The bytes in the store.
    pub stored: PathBuf,
    /// The bytes that were computed again.
    pub again: PathBuf,
    /// Whether they are the same.
    pub identical: bool,
}

/// A stage that was computed again.
#[derive(Debug)]
pub struct Again {
    /// The stage.
    pub stage: String,
    /// How equal the results of its kind are.
    pub equality: Equality,
    /// How the stored result was made, and how this one was.
    pub conditions: [Conditions; 2],
    /// How many seconds the stored result took, and how many this one.
    pub seconds: [f64; 2],
    /// Its artifacts.
    pub artifacts: Vec<Pair>,
    // Dropping them removes the new files.
    _folders: [store::Attempt; 2],
}

impl Engine<'_> {
    /// Computes the stages that were asked for again, one after the other, and gives each to `then`. Does not
    /// change the store.
    ///
    /// # Errors
    /// Source files that are missing or do not match their pins.
    pub fn compute_again(
        &self,
        executor: &dyn Executor,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
        then: &mut dyn FnMut(&str, Result<Again, Failure>),
    ) -> Result<(), Refused> {
        let planner = self.planner(observer)?;
        let named = self.named()?;
        let lease = self.store.lease();
        let hold = lease.hold();
        let forecast = planner.forecast(&self.order);
        for outlook in &forecast.stages {
            outlook.key.iter().for_each(|key| lease.claim_key(key));
            let artifacts = forecast.made[outlook.stage].iter().flat_map(|made| made.values());
            artifacts.for_each(|artifact| lease.claim_key(&artifact.digest));
        }
        hold.release();
        for outlook in forecast.stages.iter().filter(|outlook| named[outlook.stage]) {
            let again = self.again(&planner, outlook, &forecast.made, executor, stopped, observer);
            then(&self.pipeline.stages[outlook.stage].name.to_string(), again);
            if stopped.load(Ordering::SeqCst) {
                break;
            }
        }
        Ok(())
    }

    fn again(
        &self,
        planner: &Planner<'_>,
        outlook: &Outlook,
        made: &[Option<Made>],
        executor: &dyn Executor,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Again, Failure> {
        let (stage, node) = (outlook.stage, &self.pipeline.stages[outlook.stage]);
        let record = self.stored(planner, outlook, made)?;
        self.bytes_are_here(planner, stage, &record, made)?;
        let grant = Resources::of(executor.capacity(), self.options.jobs).take(self.request_here(stage));
        let grant = grant.ok_or_else(|| {
            Failure::environment("this machine lacks the cores or the GPU that the stage asks for")
        })?;
        let folder = || self.store.attempt(&record.key).map_err(Failure::environment);
        let folders = [folder()?, folder()?];
        let mut task = self.task(stage, &grant, made);
        (task.staging, task.work) = (folders[0].folder().to_owned(), folders[1].folder().to_owned());
        let started = Instant::now();
        observer.event(&Event::Started { stage: task.name.clone(), why: "verify".to_owned() });
        let listener = Forward { stage: &task.name, observer: RefCell::new(observer) };
        let run = || executor.run(node.stage.runner(), &task, &listener);
        let computed = until_stopped(executor, &task.name, stopped, run)?;
        let seconds = started.elapsed().as_secs_f64();
        if let Some(path) = sources(node).iter().find(|path| !self.store.sources().is_unchanged(path)) {
            let path = path.display();
            return Err(Failure::stage(format!("{path} changed while it was read: verify again")));
        }
        let artifacts = self.pairs(&record, &task)?;
        let (made, outcome) = (record.made, computed.outcome);
        let conditions = [
            Conditions {
                host: made.host,
                device: made.device,
                threads: made.threads,
                versions: made.versions,
            },
            Conditions {
                host: computed.host.unwrap_or_else(host),
                device: outcome.device,
                threads: task.resources.threads,
                versions: computed.versions,
            },
        ];
        let (equality, seconds) = (node.stage.equality(), [made.seconds, seconds]);
        Ok(Again { stage: task.name, equality, conditions, seconds, artifacts, _folders: folders })
    }

    /// The record of the result in the store.
    fn stored(
        &self,
        planner: &Planner<'_>,
        outlook: &Outlook,
        made: &[Option<Made>],
    ) -> Result<ActionRecord, Failure> {
        let record = planner.present(outlook).filter(|_| made[outlook.stage].is_some());
        record.ok_or_else(|| {
            let run = self.run_of(&self.pipeline.stages[outlook.stage].name.to_string());
            let why = match outlook.key {
                Some(_) => outlook.reason(),
                None => "what it reads has no result in the store".to_owned(),
            };
            Failure::stage(format!(
                "the store has no result to compare with ({why}): `{run}` makes one, then verify"
            ))
        })
    }

    /// The store must have the bytes of the result and of everything that the stage reads.
    fn bytes_are_here(
        &self,
        planner: &Planner<'_>,
        stage: usize,
        record: &ActionRecord,
        made: &[Option<Made>],
    ) -> Result<(), Failure> {
        for (name, artifact) in &record.artifacts {
            let check = self.store.check(record, artifact).map_err(Failure::environment)?;
            if !matches!(check, Check::Intact | Check::IntactButTouched(_)) {
                let name = format!("{}/{name}", self.pipeline.stages[stage].name);
                return Err(Failure::stage(format!(
                    "the bytes of `{name}` are not in this store: there is nothing to compare with"
                )));
            }
        }
        if let Some(absent) = planner.absent_source(stage) {
            return Err(Failure::stage(absent));
        }
        for (maker, artifact) in planner.makers(stage) {
            let stored = made[maker].as_ref().and_then(|made| made.get(artifact));
            if !stored.is_some_and(|stored| self.store.has(&stored.digest)) {
                let (maker, file) = (&self.pipeline.stages[maker].name, self.pipeline.file.display());
                return Err(Failure::stage(format!(
                    "the bytes of `{maker}/{artifact}`, which it reads, are not in this store: `pcamflow run \
                     {file} '{maker}' --force '{maker}'` makes them"
                )));
            }
        }
        Ok(())
    }

    /// Whether the new bytes are those in the store, and where the stored ones can be read. (Folders are stored
    /// packed.)
    fn compared(
        &self,
        artifact: &store::StoredArtifact,
        again: &Path,
        task: &Task,
    ) -> store::Result<(bool, PathBuf)> {
        if !artifact.is_folder() {
            let identical = fsx::hash_file(again)?.digest == artifact.digest;
            return Ok((identical, self.store.lend(&artifact.digest).path().to_owned()));
        }
        let identical = fsx::packed_digest(again)? == artifact.digest;
        let unpacked = task.work.join(format!("stored-{}", artifact.digest.short()));
        if !identical && !unpacked.exists() {
            self.store.materialise(artifact, &unpacked, false)?;
        }
        Ok((identical, unpacked))
    }

    /// Every artifact of the record beside the new file.
    fn pairs(&self, record: &ActionRecord, task: &Task) -> Result<Vec<Pair>, Failure> {
        check_written(&task.stage, &task.staging)?;
        let mut pairs = Vec::new();
        for declared in task.stage.artifacts() {
            let Some(artifact) = record.artifacts.get(declared.name.as_ref()) else { continue };
            let again = path_of(&declared, &task.staging);
            let (identical, stored) = self.compared(artifact, &again, task).map_err(Failure::environment)?;
            let (name, file) = (declared.name.into_owned(), artifact.file.clone());
            pairs.push(Pair { name, file, stored, again, identical });
        }
        pairs.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(pairs)
    }
}

/// Forwards the progress and the warnings of a task as events.
struct Forward<'a> {
    stage: &'a str,
    observer: RefCell<&'a mut dyn Observer>,
}

impl Listener for Forward<'_> {
    fn progress(&self, progress: Progress) {
        self.observer.borrow_mut().event(&Event::Progress { stage: self.stage.to_owned(), progress });
    }

    fn epoch(&self, epoch: EpochEnd, losses: Vec<f32>) {
        let stage = self.stage.to_owned();
        self.observer.borrow_mut().event(&Event::Epoch { stage, epoch, losses, curves: None });
    }

    fn log(&self, level: Level, text: &str) {
        if level == Level::Warning {
            let (stage, text) = (Some(self.stage.to_owned()), text.to_owned());
            self.observer.borrow_mut().event(&Event::Warning { stage, text });
        }
    }
}
