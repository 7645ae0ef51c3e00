//! Computes one stage whose key is locked, in a thread of its own.
//!
//! It looks once more for a result (another run may have made it meanwhile), computes in a new folder, publishes
//! the artifacts, writes the record last, and shows the result. A crash at any point leaves nothing or a whole
//! result.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
    time::{Instant, SystemTime},
};

use crate::engine::{
    exec::{Computed, Executor, Listener},
    plan::planner::{Made, ToRun},
    run::{
        log::Log,
        task::{check_written, path_of},
    },
    tell::{
        running::Running,
        show::{LOG, Show},
    },
};
use crate::{
    pipeline::StageNode,
    place::host,
    protocol::{CURVES, EpochEnd, Failure, Level, Progress, Task},
    remote::{Answer, Pushed, Remote, Wanted},
    stages::Retry,
    store::{ActionRecord, Committed, Existing, KeyLock, Lease, Lookup, Provenance, RECORD_FORMAT, Store},
};

/// What a running stage sends to the run.
pub(in crate::engine) enum Message {
    /// The stage has made progress.
    Progress(usize, Progress),
    /// An epoch of the stage has ended; with the losses of its steps and, the first time that its curves are shown,
    /// their place.
    Epoch(usize, EpochEnd, Vec<f32>, Option<PathBuf>),
    /// Something that the user should know.
    Warning(usize, String),
    /// The stage has ended.
    Done(usize, Result<Box<Done>, Failed>),
    /// Bytes were pushed to the remote store: done, and in all.
    Pushing(u64, u64),
    /// The result of the stage was pushed to the remote store, or why it was not.
    Pushed(usize, Answer<Pushed>),
}

/// A stage that is done, and shown.
pub(in crate::engine) struct Done {
    pub(in crate::engine) record: ActionRecord,
    /// Whether its result was in the store.
    pub(in crate::engine) hit: bool,
    /// Where it is shown, if any of its bytes are here.
    pub(in crate::engine) folder: Option<PathBuf>,
}

/// A stage that failed.
pub(in crate::engine) struct Failed {
    pub(in crate::engine) failure: Failure,
    pub(in crate::engine) log: Option<PathBuf>,
    /// A source that changed while the stage read it, if the command runs the pipeline again at once.
    pub(in crate::engine) changed: Option<PathBuf>,
    /// Whether it only lacks bytes of its inputs that cannot be fetched: they have to be computed.
    pub(in crate::engine) unfetched: bool,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { failure, log: None, changed: None, unfetched: false }
    }
}

/// What all attempts of a run share.
pub(in crate::engine) struct Shared<'a> {
    pub(in crate::engine) store: &'a Store,
    /// The store that a team shares.
    pub(in crate::engine) remote: Option<&'a Remote>,
    /// Protects what this run relies on from garbage collection.
    pub(in crate::engine) lease: &'a Lease,
    pub(in crate::engine) executor: &'a dyn Executor,
    pub(in crate::engine) show: &'a Show<'a>,
    pub(in crate::engine) stopped: &'a AtomicBool,
    /// See [`crate::engine::Options::goes_on`].
    pub(in crate::engine) goes_on: Option<&'a AtomicBool>,
}

/// One stage to compute.
pub(in crate::engine) struct Attempt<'a> {
    pub(in crate::engine) shared: &'a Shared<'a>,
    pub(in crate::engine) index: usize,
    pub(in crate::engine) node: &'a StageNode,
    pub(in crate::engine) run: ToRun,
    /// The right to compute it.
    pub(in crate::engine) lock: KeyLock,
    /// The task without its folders.
    pub(in crate::engine) task: Task,
    /// Whether it is tried again after a failure.
    pub(in crate::engine) retry: Option<Retry>,
    /// The source files that it reads.
    pub(in crate::engine) sources: Vec<PathBuf>,
    /// The artifacts that it reads and that have to be fetched.
    pub(in crate::engine) fetch: Vec<Wanted>,
    /// Its curves, if it trains. They stay until its result is shown.
    pub(in crate::engine) running: Running,
    pub(in crate::engine) send: Sender<Message>,
}

impl Attempt<'_> {
    /// Computes the stage and sends how it ended.
    pub(in crate::engine) fn run(self) {
        let (index, send) = (self.index, self.send.clone());
        // The run waits for the message, so it must come even after a panic.
        let result = catch_unwind(AssertUnwindSafe(move || self.attempt().map(Box::new)));
        let result = result.unwrap_or_else(|panic| Err(Failure::panicked(&*panic).into()));
        // An error means that the run is over.
        let _ = send.send(Message::Done(index, result));
    }

    fn attempt(&self) -> Result<Done, Failed> {
        if self.shared.store.should_tell_of(&self.lock) {
            self.warn(NO_LOCKS.to_owned());
        }
        let hold = self.shared.lease.hold();
        let made = self.made_meanwhile().or_else(|| self.made_elsewhere());
        let made = made.inspect(|record| self.shared.lease.claim(record));
        hold.release();
        let hit = made.is_some();
        let record = made.map_or_else(|| self.computed(), Ok)?;
        let folder = self.shared.show.stage(self.index, &record, &mut |text| self.warn(text));
        Ok(Done { record, hit, folder })
    }

    fn warn(&self, text: String) {
        let _ = self.send.send(Message::Warning(self.index, text));
    }

    fn computed(&self) -> Result<ActionRecord, Failed> {
        self.fetch_inputs()?;
        let key = self.run.fingerprint.key();
        let work = self.shared.store.work(&key).map_err(Failure::environment)?;
        let log = work.join(LOG);
        let record = self.compute_with_retries(&work, &log).map_err(|failure| {
            let changed = self.shared.goes_on.and_then(|_| self.changed_source()).cloned();
            // A stage that was stopped, or that runs again at once, has not failed.
            if changed.is_none()
                && !self.shared.stopped.load(Ordering::SeqCst)
                && let Err(error) = self.shared.store.note_failure(&key, &failure.message)
            {
                tracing::debug!("{}: its failure could not be noted: {error}", self.node.name);
            }
            let log = log.exists().then(|| log.clone());
            Failed { failure, log, changed, unfetched: false }
        })?;
        // Without locks, another run may be using this folder.
        if self.lock.is_enforced()
            && let Err(error) = self.shared.store.remove_work(&key)
        {
            tracing::debug!("{}: partial work is left: {error}", self.node.name);
        }
        Ok(record)
    }

    /// The result that another run made between planning and locking. If the stage runs because bytes were lost,
    /// it counts only if its bytes are here.
    fn made_meanwhile(&self) -> Option<ActionRecord> {
        if self.run.forced {
            return None;
        }
        let Ok(Lookup::Found(record)) = self.shared.store.record(&self.run.fingerprint.key()) else {
            return None;
        };
        let is_here =
            |artifact| self.shared.store.check(&record, artifact).is_ok_and(|check| check.is_here());
        let counts = self.run.existing == Existing::Keep || record.artifacts.values().all(is_here);
        counts.then_some(*record)
    }

    /// One attempt, after `failed` others.
    pub(in crate::engine) fn compute(
        &self,
        work: &Path,
        log: &Path,
        failed: u32,
    ) -> Result<ActionRecord, Failure> {
        let staging = self.shared.store.attempt(&self.run.fingerprint.key()).map_err(Failure::environment)?;
        let mut task = self.task.clone();
        task.staging = staging.folder().to_owned();
        task.work = work.to_owned();
        let listener = Forward::new(self, log);
        let started = (Instant::now(), SystemTime::now());
        let computed = self.shared.executor.run(self.node.stage.runner(), &task, &listener)?;
        if let Some(path) = self.changed_source() {
            return Err(Failure::stage(format!(
                "{} changed while this was computed from it: what was computed is not kept; run again",
                path.display()
            )));
        }
        // The objects are protected by the gate until the record exists.
        let hold = self.shared.lease.hold();
        let artifacts = self.publish(staging.folder())?;
        let mut record = self.record(computed, artifacts, log, started)?;
        record.made.failed_attempts = failed;
        let committed = self.shared.store.commit(record.clone(), self.run.existing);
        if let Committed::Kept(first) = committed.map_err(Failure::environment)? {
            // Another run was first, which happens without locks: later stages read the result that all find.
            record = *first;
        }
        self.shared.lease.claim(&record);
        hold.release();
        Ok(record)
    }

    /// A source that has changed since its digest was taken.
    fn changed_source(&self) -> Option<&PathBuf> {
        self.sources.iter().find(|path| !self.shared.store.sources().is_unchanged(path))
    }

    fn publish(&self, staging: &Path) -> Result<Made, Failure> {
        check_written(&self.node.stage, staging)?;
        let mut made = Made::new();
        for artifact in self.node.stage.artifacts() {
            let path = path_of(&artifact, staging);
            let stored = match path.is_dir() {
                true => self.shared.store.publish_folder(&path),
                false => self.shared.store.publish(&path),
            };
            made.insert(artifact.name.into_owned(), stored.map_err(Failure::environment)?);
        }
        Ok(made)
    }

    fn record(
        &self,
        computed: Computed,
        artifacts: Made,
        log: &Path,
        (clock, started): (Instant, SystemTime),
    ) -> Result<ActionRecord, Failure> {
        let is_written = log.metadata().is_ok_and(|log| log.len() > 0);
        let log =
            is_written.then(|| self.shared.store.publish(log)).transpose().map_err(Failure::environment)?;
        let outcome = computed.outcome;
        Ok(ActionRecord {
            format: RECORD_FORMAT,
            key: self.run.fingerprint.key(),
            stage: self.node.name.to_string(),
            kind: self.node.name.kind.word().to_owned(),
            lines: self.run.fingerprint.lines().clone(),
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

/// The warning, once a run, if another run may compute the same stage at the same time.
const NO_LOCKS: &str = "the file system of the store has no locks that work: runs at the same time \
                        may compute a stage more than once; results stay right, `cache gc` is refused";

/// The name under which this run locks keys, as other runs report it.
pub(in crate::engine) fn owner() -> String {
    format!("{}:{}", host(), std::process::id())
}

/// Forwards what a task reports to the run and to the stage's log.
pub(in crate::engine) struct Forward<'a> {
    attempt: &'a Attempt<'a>,
    log: RefCell<Log>,
    /// Where its curves are drawn.
    curves: PathBuf,
}

impl<'a> Forward<'a> {
    pub(in crate::engine) fn new(attempt: &'a Attempt<'a>, log: &Path) -> Self {
        Self { attempt, log: RefCell::new(Log::open(log)), curves: log.with_file_name(CURVES) }
    }
}

impl Listener for Forward<'_> {
    fn progress(&self, progress: Progress) {
        let _ = self.attempt.send.send(Message::Progress(self.attempt.index, progress));
    }

    fn epoch(&self, epoch: EpochEnd, losses: Vec<f32>) {
        let curves = self.attempt.running.show(&self.curves);
        let _ = self.attempt.send.send(Message::Epoch(self.attempt.index, epoch, losses, curves));
    }

    fn log(&self, level: Level, text: &str) {
        self.log.borrow_mut().line(text);
        if level == Level::Warning {
            self.attempt.warn(text.to_owned());
        }
    }
}
