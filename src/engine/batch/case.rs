//! One stage that is computed as a job, step by step: the job is looked for, submitted, followed.
//!
//! No step waits for long, so that a few threads can follow many jobs.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{
    ear::Ear,
    folder::{JobFolder, Submitted, mark},
    following::Following,
    jobs::Batch,
    patience::Patience,
};
use crate::engine::compute::{Lost, Site, Work};
use crate::{
    digest::Digest,
    protocol::Failure,
    slurm::{JobId, Queue},
    stages::Slurm,
    store::{ActionRecord, Existing, KeyLock},
};

/// What a step needs, and who hears of it.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Context<'a> {
    pub(in crate::engine) batch: &'a Batch,
    pub(in crate::engine) site: Site<'a>,
    pub(in crate::engine) work: &'a Work,
    pub(in crate::engine) settings: &'a Slurm,
    pub(in crate::engine) ear: &'a dyn Ear,
}

impl Context<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        self.site.stopped.load(Ordering::SeqCst)
    }
}

/// What became of a stage.
pub(in crate::engine) enum Outcome {
    /// Its result.
    Made(Box<ActionRecord>),
    /// Its job goes on without this run.
    Left(JobId),
}

/// What comes after a step.
pub(in crate::engine) enum Step {
    /// The next one, after a while.
    After(Duration),
    /// Nothing.
    Over(Result<Outcome, Lost>),
}

/// A stage that is computed as a job.
pub(in crate::engine) struct Case {
    pub(super) key: Digest,
    pub(super) folder: JobFolder,
    /// The comment of its jobs.
    pub(super) mark: String,
    /// How many attempts of this run have failed.
    pub(super) failed: u32,
    pub(super) state: State,
    pub(super) patience: Patience,
}

/// What a case is doing.
pub(super) enum State {
    /// It looks for a job, in what Slurm says after this moment.
    Looking(Instant),
    /// It submits one, with the lock of the key. If an earlier submission was not answered, it is unsure.
    Submitting { _lock: KeyLock, unsure: bool },
    /// It waits for a job.
    Following(Following),
}

impl Case {
    /// A stage whose job may be there from an earlier run.
    pub(in crate::engine) fn new(context: &Context<'_>) -> Self {
        let (store, key) = (context.site.store, context.work.fingerprint.key());
        Self {
            key,
            folder: JobFolder::of(store, &key),
            mark: mark(store, &key),
            failed: 0,
            state: State::Looking(context.batch.began),
            patience: Patience::default(),
        }
    }

    /// The next step.
    pub(in crate::engine) fn step(&mut self, context: &Context<'_>) -> Step {
        match &self.state {
            _ if context.is_stopped() => self.stop(context),
            State::Looking(since) => self.look(*since, context),
            State::Submitting { .. } => self.submit(context),
            State::Following(_) => self.follow(context),
        }
    }

    /// Waits for a job from now on, unless the run does not wait for jobs.
    pub(super) fn begin_to_follow(&mut self, submitted: Submitted, context: &Context<'_>) -> Step {
        self.patience = Patience::default();
        if context.batch.options.detach {
            context.batch.queue.forget(submitted.job);
            return Step::Over(Ok(Outcome::Left(submitted.job)));
        }
        if submitted.user == Queue::user() {
            context.batch.queue.wait_for(submitted.job);
        }
        self.state = State::Following(Following::new(submitted.job, &self.folder));
        Step::After(Duration::ZERO)
    }

    /// The result of the key, if a job or another run has made one, and the stage is not forced.
    pub(super) fn result(&self, context: &Context<'_>) -> Option<Step> {
        if context.work.existing == Existing::Replace {
            return None;
        }
        self.record(context)
    }

    /// The record of the key.
    pub(super) fn record(&self, context: &Context<'_>) -> Option<Step> {
        let record = context.site.store.record(&self.key).ok()?.found()?;
        Some(Step::Over(Ok(Outcome::Made(Box::new(record)))))
    }

    pub(super) fn fail(&self, failure: Failure) -> Step {
        Step::Over(Err(Lost { failure, attempts: self.failed, log: None }))
    }

    /// The run was stopped: its jobs are cancelled, unless they are to go on.
    fn stop(&self, context: &Context<'_>) -> Step {
        if !context.batch.options.leave.load(Ordering::SeqCst)
            && let Err((jobs, trouble)) = context.batch.queue.cancel()
        {
            let jobs: Vec<String> = jobs.iter().map(JobId::to_string).collect();
            let text = format!("jobs could not be cancelled ({trouble}): `scancel {}`", jobs.join(" "));
            context.ear.log(crate::protocol::Level::Warning, &text);
        }
        self.fail(Failure::process("the run was stopped"))
    }
}
