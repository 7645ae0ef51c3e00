//! Makes the result of one stage, in a thread of its own.
//!
//! It looks once more for a result (another run may have made it meanwhile), has the stage computed, here or as a job
//! of a cluster, and shows the result.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
};

use crate::engine::{
    batch::{Batch, Ear},
    compute::{Lost, Site, Work},
    exec::{Executor, Listener},
    tell::{job::JobState, running::Running, show::Show},
};
use crate::{
    protocol::{CURVES, EpochEnd, Failure, Level, Progress},
    remote::{Answer, Pushed, Remote, Wanted},
    slurm::JobId,
    store::{ActionRecord, Existing, KeyLock, Lease, Lookup, Store},
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
    /// The state of the stage's job has changed.
    Job(usize, JobState),
    /// Another run is computing the same key.
    Waiting(usize, String),
    /// The stage has ended.
    Done(usize, Result<Box<Done>, Failed>),
    /// The stage's job goes on without this run.
    Left(usize, JobId),
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
    /// The jobs of the run, if stages are computed as jobs.
    pub(in crate::engine) batch: &'a Batch,
    pub(in crate::engine) show: &'a Show<'a>,
    pub(in crate::engine) stopped: &'a AtomicBool,
    /// See [`crate::engine::Options::goes_on`].
    pub(in crate::engine) goes_on: Option<&'a AtomicBool>,
}

/// One stage to compute.
pub(in crate::engine) struct Attempt<'a> {
    pub(in crate::engine) shared: &'a Shared<'a>,
    pub(in crate::engine) index: usize,
    pub(in crate::engine) work: Work,
    /// Whether it runs although the store may have a sound result.
    pub(in crate::engine) forced: bool,
    /// The lock of its key; a job locks it itself.
    pub(in crate::engine) lock: Option<KeyLock>,
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
        let result = catch_unwind(AssertUnwindSafe(move || self.attempt()));
        let result = result.unwrap_or_else(|panic| Err(Failure::panicked(&*panic).into()));
        // An error means that the run is over.
        let _ = send.send(Message::Done(index, result));
    }

    fn attempt(&self) -> Result<Box<Done>, Failed> {
        if let Some(lock) = &self.lock
            && self.shared.store.should_tell_of(lock)
        {
            self.warn(NO_LOCKS.to_owned());
        }
        let (record, hit) = match self.found() {
            Some(record) => (record, true),
            None => (self.computed()?, false),
        };
        Ok(self.done(record, hit))
    }

    /// The result that another run has made meanwhile, here or elsewhere.
    pub(super) fn found(&self) -> Option<ActionRecord> {
        let hold = self.shared.lease.hold();
        let made = self.made_meanwhile().or_else(|| self.made_elsewhere());
        let made = made.inspect(|record| self.shared.lease.claim(record));
        hold.release();
        made
    }

    /// Shows a result.
    pub(super) fn done(&self, record: ActionRecord, hit: bool) -> Box<Done> {
        let folder = self.shared.show.stage(self.index, &record, &mut |text| self.warn(text));
        Box::new(Done { record, hit, folder })
    }

    pub(super) fn site(&self) -> Site<'_> {
        let Shared { store, lease, executor, stopped, .. } = *self.shared;
        Site { store, lease, executor, stopped }
    }

    fn warn(&self, text: String) {
        let _ = self.send.send(Message::Warning(self.index, text));
    }

    fn computed(&self) -> Result<ActionRecord, Failed> {
        self.fetch_inputs()?;
        let computed = self.work.compute(&self.site(), 0, &Forward { attempt: self });
        let record = computed.map_err(|lost| self.failed(lost))?;
        // Without locks, another run may be using this folder.
        if self.lock.as_ref().is_some_and(KeyLock::is_enforced)
            && let Err(error) = self.shared.store.remove_work(&record.key)
        {
            tracing::debug!("{}: partial work is left: {error}", self.work.task.name);
        }
        Ok(record)
    }

    /// A stage that could not be computed here. One that was stopped, or that runs again at once, has not failed.
    fn failed(&self, Lost { failure, log, .. }: Lost) -> Failed {
        let Shared { store, stopped, goes_on, .. } = *self.shared;
        let changed = goes_on.and_then(|_| self.work.changed_source(store)).cloned();
        if changed.is_none()
            && !stopped.load(Ordering::SeqCst)
            && let Err(error) = store.note_failure(&self.work.fingerprint.key(), &failure.message)
        {
            tracing::debug!("{}: its failure could not be noted: {error}", self.work.task.name);
        }
        Failed { log, changed, ..failure.into() }
    }

    /// The result that another run made between planning and locking. If the stage runs because bytes were lost,
    /// it counts only if its bytes are here.
    fn made_meanwhile(&self) -> Option<ActionRecord> {
        if self.forced {
            return None;
        }
        let Ok(Lookup::Found(record)) = self.shared.store.record(&self.work.fingerprint.key()) else {
            return None;
        };
        let is_here =
            |artifact| self.shared.store.check(&record, artifact).is_ok_and(|check| check.is_here());
        let counts = self.work.existing == Existing::Keep || record.artifacts.values().all(is_here);
        counts.then_some(*record)
    }
}

/// The warning, once a run, if another run may compute the same stage at the same time.
const NO_LOCKS: &str = "the file system of the store has no locks that work: runs at the same time \
                        may compute a stage more than once; results stay right, `cache gc` is refused";

/// Forwards what a task reports to the run.
pub(super) struct Forward<'a> {
    pub(super) attempt: &'a Attempt<'a>,
}

impl Forward<'_> {
    fn send(&self, message: impl FnOnce(usize) -> Message) {
        let _ = self.attempt.send.send(message(self.attempt.index));
    }
}

impl Listener for Forward<'_> {
    fn progress(&self, progress: Progress) {
        self.send(|index| Message::Progress(index, progress));
    }

    fn epoch(&self, epoch: EpochEnd, losses: Vec<f32>) {
        let drawn = self.attempt.shared.store.work_of(&self.attempt.work.fingerprint.key()).join(CURVES);
        let curves = self.attempt.running.show(&drawn);
        self.send(|index| Message::Epoch(index, epoch, losses, curves));
    }

    fn log(&self, level: Level, text: &str) {
        if level == Level::Warning {
            self.attempt.warn(text.to_owned());
        }
    }
}

impl Ear for Forward<'_> {
    fn job(&self, state: JobState) {
        self.send(|index| Message::Job(index, state));
    }

    fn waiting(&self, holder: String) {
        self.send(|index| Message::Waiting(index, holder));
    }
}
