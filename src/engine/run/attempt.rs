//! One stage whose key is locked, up to its record: what runs in a thread of its own.
//!
//! Look again (another run may have made it meanwhile), compute into an own folder, publish the artifacts,
//! write the record last. A crash at any point leaves either nothing or a whole result.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
    time::{Instant, SystemTime},
};

use crate::engine::{
    exec::{Computed, Executor, Listener},
    plan::planner::{Made, ToRun},
    run::log::Log,
    tell::show::LOG,
};
use crate::{
    pipeline::StageNode,
    protocol::{Failure, FailureClass, Level, Progress, Task},
    stages::{Artifact, Retry},
    store::{ActionRecord, Committed, Existing, KeyLock, Lease, Lookup, Provenance, RECORD_FORMAT, Store},
};

/// What a running stage tells the run.
pub(in crate::engine) enum Message {
    /// The stage goes on.
    Progress(usize, Progress),
    /// Something that the user should know.
    Warning(usize, String),
    /// The stage is done.
    Done(usize, Result<Box<Done>, Failed>),
    /// The result of a stage is shown.
    Shown(Box<Shown>),
}

/// A result that is shown.
pub(in crate::engine) struct Shown {
    pub(in crate::engine) stage: usize,
    pub(in crate::engine) done: Done,
    /// Its folder, if any of its bytes are here.
    pub(in crate::engine) folder: Option<PathBuf>,
    /// What the user should know.
    pub(in crate::engine) warnings: Vec<String>,
}

/// A stage that is done.
pub(in crate::engine) struct Done {
    pub(in crate::engine) record: ActionRecord,
    /// Whether another run had made it meanwhile.
    pub(in crate::engine) hit: bool,
}

/// A stage that failed.
pub(in crate::engine) struct Failed {
    pub(in crate::engine) failure: Failure,
    pub(in crate::engine) log: Option<PathBuf>,
    /// The source that changed under it, where that is why it counts for nothing: it runs again at once.
    pub(in crate::engine) changed: Option<PathBuf>,
}

impl Failed {
    /// A failure of which there is no more to say.
    pub(in crate::engine) fn bare(failure: Failure) -> Self {
        Self { failure, log: None, changed: None }
    }
}

/// What every attempt of a run shares.
pub(in crate::engine) struct Shared<'a> {
    pub(in crate::engine) store: &'a Store,
    /// What this run relies on: garbage collection spares it.
    pub(in crate::engine) lease: &'a Lease,
    pub(in crate::engine) executor: &'a dyn Executor,
    pub(in crate::engine) stopped: &'a AtomicBool,
    /// See [`crate::engine::Options::goes_on`].
    pub(in crate::engine) goes_on: Option<&'a AtomicBool>,
}

/// One stage to compute.
pub(in crate::engine) struct Attempt<'a> {
    pub(in crate::engine) index: usize,
    pub(in crate::engine) node: &'a StageNode,
    pub(in crate::engine) run: ToRun,
    /// The right to compute it.
    pub(in crate::engine) lock: KeyLock,
    /// The task but for its folders.
    pub(in crate::engine) task: Task,
    /// Whether it is tried again after a failure.
    pub(in crate::engine) retry: Option<Retry>,
    /// Source files among its inputs.
    pub(in crate::engine) sources: Vec<PathBuf>,
    pub(in crate::engine) send: Sender<Message>,
}

impl Attempt<'_> {
    /// Computes the stage, and tells the run how it went.
    pub(in crate::engine) fn run(self, shared: &Shared<'_>) {
        let (index, send) = (self.index, self.send.clone());
        // Whatever happens, the run hears of it: it waits for nothing else.
        let result = catch_unwind(AssertUnwindSafe(move || self.attempt(shared).map(Box::new)));
        let result = result.unwrap_or_else(|panic| Err(Failed::bare(Failure::panicked(&*panic))));
        // An error means that the run is over.
        let _ = send.send(Message::Done(index, result));
    }

    fn attempt(&self, shared: &Shared<'_>) -> Result<Done, Failed> {
        let bare = Failed::bare;
        let key = self.run.fingerprint.key();
        let lock = &self.lock;
        if shared.store.should_tell_of(lock) {
            let _ = self.send.send(Message::Warning(self.index, NO_LOCKS.to_owned()));
        }
        let hold = shared.lease.hold();
        let made = self.made_meanwhile(shared).inspect(|record| shared.lease.claim(record));
        hold.release();
        if let Some(record) = made {
            return Ok(Done { record, hit: true });
        }
        let work = shared.store.work(&key).map_err(environment).map_err(bare)?;
        let log = work.join(LOG);
        let record = self.compute_stubbornly(shared, &work, &log).map_err(|failure| {
            let changed = shared.goes_on.and_then(|_| self.changed_source(shared)).cloned();
            if changed.is_none() {
                self.note(shared, &failure);
            }
            let log = log.exists().then(|| log.clone());
            Failed { failure, log, changed }
        })?;
        // Where locks do not work, another run may be working there.
        if lock.is_enforced()
            && let Err(error) = shared.store.remove_work(&key)
        {
            tracing::debug!("{}: partial work is left: {error}", self.node.name);
        }
        Ok(Done { record, hit: false })
    }

    /// Notes that the stage failed, for `graph --status`; one that was stopped did not fail.
    fn note(&self, shared: &Shared<'_>, failure: &Failure) {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        if let Err(error) = shared.store.note_failure(&self.run.fingerprint.key(), &failure.message) {
            tracing::debug!("{}: its failure could not be noted: {error}", self.node.name);
        }
    }

    /// The result that another run made between planning and locking. Where one was there before, whose bytes
    /// were lost, it counts once they are here.
    fn made_meanwhile(&self, shared: &Shared<'_>) -> Option<ActionRecord> {
        if self.run.forced {
            return None;
        }
        let Ok(Lookup::Found(record)) = shared.store.record(&self.run.fingerprint.key()) else { return None };
        let is_here = |artifact| shared.store.check(&record, artifact).is_ok_and(|check| check.is_here());
        let counts = self.run.existing == Existing::Keep || record.artifacts.values().all(is_here);
        counts.then_some(*record)
    }

    /// One attempt, after so many that failed.
    pub(in crate::engine) fn compute(
        &self,
        shared: &Shared<'_>,
        work: &Path,
        log: &Path,
        failed: u32,
    ) -> Result<ActionRecord, Failure> {
        let staging = shared.store.attempt(&self.run.fingerprint.key()).map_err(environment)?;
        let mut task = self.task.clone();
        task.staging = staging.folder().to_owned();
        task.work = work.to_owned();
        let told = Telling::new(self, log);
        let started = (Instant::now(), SystemTime::now());
        let computed = shared.executor.run(self.node.stage.runner(), &task, &told)?;
        self.sources_unchanged(shared)?;
        // Until the record is there, nothing but the gate keeps its objects from looking like garbage.
        let hold = shared.lease.hold();
        let artifacts = self.publish(shared, staging.folder())?;
        let mut record = self.record(shared, computed, artifacts, log, started)?;
        record.made.failed_attempts = failed;
        let committed = shared.store.commit(record.clone(), self.run.existing).map_err(environment)?;
        if let Committed::Kept(first) = committed {
            // Where locks do not work: later stages read the result that all others will find.
            record = *first;
        }
        shared.lease.claim(&record);
        hold.release();
        Ok(record)
    }

    /// A source that changed while it was read belongs to no key.
    fn sources_unchanged(&self, shared: &Shared<'_>) -> Result<(), Failure> {
        match self.changed_source(shared) {
            None => Ok(()),
            Some(path) => Err(stage(format!(
                "{} changed while this was computed from it: what was computed is not kept; run again",
                path.display()
            ))),
        }
    }

    fn changed_source(&self, shared: &Shared<'_>) -> Option<&PathBuf> {
        self.sources.iter().find(|path| !shared.store.sources().is_unchanged(path))
    }

    fn publish(&self, shared: &Shared<'_>, staging: &Path) -> Result<Made, Failure> {
        let declared = self.node.stage.artifacts();
        let is_there = |path: &Path, folder| if folder { path.is_dir() } else { path.is_file() };
        let missing = |artifact: &&Artifact| {
            !is_there(&staging.join(artifact.file.as_ref()), artifact.file.ends_with('/'))
        };
        if let Some(missing) = declared.iter().find(missing) {
            return Err(process(&format!("the stage ended without writing its artifact {}", missing.file)));
        }
        let mut made = Made::new();
        for artifact in declared {
            let path = staging.join(artifact.file.trim_end_matches('/'));
            let stored = match artifact.file.ends_with('/') {
                true => shared.store.publish_folder(&path),
                false => shared.store.publish(&path),
            };
            let stored = stored.map_err(environment)?;
            made.insert(artifact.name.into_owned(), stored);
        }
        Ok(made)
    }

    fn record(
        &self,
        shared: &Shared<'_>,
        computed: Computed,
        artifacts: Made,
        log: &Path,
        (clock, started): (Instant, SystemTime),
    ) -> Result<ActionRecord, Failure> {
        let told = log.metadata().is_ok_and(|log| log.len() > 0);
        let log = told.then(|| shared.store.publish(log)).transpose().map_err(environment)?;
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
                host: host(),
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

/// What is said, once a run, where another run could be at the same stage.
const NO_LOCKS: &str = "the file system of the store has no locks that work: runs at the same time \
                        may compute a stage more than once; results stay right, `cache gc` is refused";

/// Who has the lock of a key: what other runs are told.
pub(in crate::engine) fn owner() -> String {
    format!("{}:{}", host(), std::process::id())
}

/// This machine's name, for messages and provenance.
#[must_use]
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Sends what a task tells to the run, and to the stage's log.
pub(in crate::engine) struct Telling {
    index: usize,
    send: Sender<Message>,
    log: Mutex<Log>,
}

impl Telling {
    pub(in crate::engine) fn new(attempt: &Attempt<'_>, log: &Path) -> Self {
        Self { index: attempt.index, send: attempt.send.clone(), log: Mutex::new(Log::open(log)) }
    }
}

impl Listener for Telling {
    fn progress(&self, progress: Progress) {
        let _ = self.send.send(Message::Progress(self.index, progress));
    }

    fn log(&self, level: Level, text: &str) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).line(text);
        if level == Level::Warning {
            let _ = self.send.send(Message::Warning(self.index, text.to_owned()));
        }
    }
}

pub(in crate::engine) fn environment(error: impl std::fmt::Display) -> Failure {
    Failure { class: FailureClass::Environment, message: error.to_string() }
}

pub(in crate::engine) fn process(message: &str) -> Failure {
    Failure { class: FailureClass::Process, message: message.to_owned() }
}

fn stage(message: String) -> Failure {
    Failure { class: FailureClass::Stage, message }
}
