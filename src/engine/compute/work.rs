//! The computation of one stage: tries it in new folders, publishes the artifacts, writes the record last.
//!
//! A crash at any point leaves nothing or a whole result. What was computed in part stays for the next attempt. The
//! caller holds the key's lock.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Instant, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{
    log::Log,
    retry::{concerns, last, slept, warning},
    written::{check_written, path_of},
};
use crate::engine::{
    exec::{Computed, Executor, Listener},
    plan::fingerprint::Fingerprint,
    tell::show::LOG,
};
use crate::{
    place::host,
    protocol::{EpochEnd, Failure, Level, Progress, Task},
    stages::Retry,
    store::{ActionRecord, Artifacts, Committed, Existing, Lease, Provenance, RECORD_FORMAT, Store},
};

/// One stage to compute, as plain data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::engine) struct Work {
    /// The task without its folders.
    pub(in crate::engine) task: Task,
    pub(in crate::engine) fingerprint: Fingerprint,
    /// Whether the result replaces one that is in the store.
    pub(in crate::engine) existing: Existing,
    /// Whether it is tried again after a failure.
    pub(in crate::engine) retry: Option<Retry>,
    /// The source files that it reads.
    pub(in crate::engine) sources: Vec<PathBuf>,
}

/// Where a stage is computed, and who can stop it.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Site<'a> {
    pub(in crate::engine) store: &'a Store,
    /// Protects what the stage relies on from garbage collection.
    pub(in crate::engine) lease: &'a Lease,
    pub(in crate::engine) executor: &'a dyn Executor,
    pub(in crate::engine) stopped: &'a AtomicBool,
}

/// A stage that could not be computed.
#[derive(Debug)]
pub(in crate::engine) struct Lost {
    pub(in crate::engine) failure: Failure,
    /// How many attempts have failed, with those before.
    pub(in crate::engine) attempts: u32,
    pub(in crate::engine) log: Option<PathBuf>,
}

impl Work {
    /// Computes the stage until it succeeds or no attempt is left; `failed` attempts were made before.
    pub(in crate::engine) fn compute(
        &self,
        site: &Site<'_>,
        failed: u32,
        listener: &dyn Listener,
    ) -> Result<ActionRecord, Lost> {
        let key = self.fingerprint.key();
        let lost = |failure: Failure, attempts, log| Lost { failure, attempts, log };
        let folder =
            site.store.work(&key).map_err(|error| lost(Failure::environment(error), failed, None))?;
        let log = folder.join(LOG);
        self.with_retries(site, &folder, &log, failed, listener)
            .map_err(|(failure, attempts)| lost(failure, attempts, log.exists().then(|| log.clone())))
    }

    fn with_retries(
        &self,
        site: &Site<'_>,
        folder: &Path,
        log: &Path,
        mut failed: u32,
        listener: &dyn Listener,
    ) -> Result<ActionRecord, (Failure, u32)> {
        loop {
            let logged = Logged { log: RefCell::new(Log::open(log)), to: listener };
            let failure = match self.attempt(site, folder, log, failed, &logged) {
                Ok(record) => return Ok(record),
                Err(failure) => failure,
            };
            failed += 1;
            if site.stopped.load(Ordering::SeqCst) {
                return Err((failure, failed));
            }
            let retry = self.retry.filter(|retry| concerns(retry, failure.class, failed));
            let Some(retry) = retry else { return Err((last(failure, failed, self.retry), failed)) };
            let wait = retry.wait(failed);
            logged.log(Level::Warning, &warning(&failure, failed, &retry, wait));
            if !slept(wait, || site.stopped.load(Ordering::SeqCst)) {
                return Err((Failure::process("the run was stopped"), failed));
            }
        }
    }

    /// One attempt, after `failed` others.
    fn attempt(
        &self,
        site: &Site<'_>,
        folder: &Path,
        log: &Path,
        failed: u32,
        listener: &dyn Listener,
    ) -> Result<ActionRecord, Failure> {
        let staging = site.store.attempt(&self.fingerprint.key()).map_err(Failure::environment)?;
        let mut task = self.task.clone();
        task.staging = staging.folder().to_owned();
        task.work = folder.to_owned();
        let started = (Instant::now(), SystemTime::now());
        let computed = site.executor.run(task.stage.runner(), &task, listener)?;
        if let Some(path) = self.changed_source(site.store) {
            return Err(Failure::stage(format!(
                "{} changed while this was computed from it: what was computed is not kept; run again",
                path.display()
            )));
        }
        // The objects are protected by the gate until the record exists.
        let hold = site.lease.hold();
        let artifacts = self.publish(site.store, staging.folder())?;
        let mut record = self.record(site.store, computed, artifacts, log, started)?;
        record.made.failed_attempts = failed;
        let committed = site.store.commit(record.clone(), self.existing);
        if let Committed::Kept(first) = committed.map_err(Failure::environment)? {
            // Another run was first, which happens without locks: later stages read the result that all find.
            record = *first;
        }
        site.lease.claim(&record);
        hold.release();
        Ok(record)
    }

    /// A source that has changed since its digest was taken.
    pub(in crate::engine) fn changed_source(&self, store: &Store) -> Option<&PathBuf> {
        self.sources.iter().find(|path| !store.sources().is_unchanged(path))
    }

    fn publish(&self, store: &Store, staging: &Path) -> Result<Artifacts, Failure> {
        check_written(&self.task.stage, staging)?;
        let mut made = Artifacts::new();
        for artifact in self.task.stage.artifacts() {
            let path = path_of(&artifact, staging);
            let stored = match path.is_dir() {
                true => store.publish_folder(&path),
                false => store.publish(&path),
            };
            made.insert(artifact.name.into_owned(), stored.map_err(Failure::environment)?);
        }
        Ok(made)
    }

    fn record(
        &self,
        store: &Store,
        computed: Computed,
        artifacts: Artifacts,
        log: &Path,
        (clock, started): (Instant, SystemTime),
    ) -> Result<ActionRecord, Failure> {
        let is_written = log.metadata().is_ok_and(|log| log.len() > 0);
        let log = is_written.then(|| store.publish(log)).transpose().map_err(Failure::environment)?;
        let outcome = computed.outcome;
        Ok(ActionRecord {
            format: RECORD_FORMAT,
            key: self.fingerprint.key(),
            stage: self.task.name.clone(),
            kind: self.task.stage.kind().word().to_owned(),
            lines: self.fingerprint.lines().clone(),
            artifacts,
            log: log.map(|log| log.digest),
            numbers: outcome.numbers,
            made: Provenance {
                device: outcome.device,
                host: computed.host.unwrap_or_else(host),
                versions: computed.versions,
                threads: self.task.resources.threads,
                started: humantime::format_rfc3339_seconds(started).to_string(),
                seconds: clock.elapsed().as_secs_f64(),
                resumed: outcome.resumed,
                pcamflow: env!("CARGO_PKG_VERSION").to_owned(),
                peak_memory: computed.peak_memory,
                failed_attempts: 0,
            },
            home: None,
        })
    }
}

/// Writes every line to the stage's log, too.
struct Logged<'a> {
    log: RefCell<Log>,
    to: &'a dyn Listener,
}

impl Listener for Logged<'_> {
    fn progress(&self, progress: Progress) {
        self.to.progress(progress);
    }

    fn epoch(&self, epoch: EpochEnd, losses: Vec<f32>) {
        self.to.epoch(epoch, losses);
    }

    fn log(&self, level: Level, text: &str) {
        self.log.borrow_mut().line(text);
        self.to.log(level, text);
    }
}
