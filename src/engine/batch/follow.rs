//! Waits for a job: passes on what it says, and notices its end.
//!
//! A job that could still speak has written how it ended. Of one that could not, Slurm says why it was lost; then
//! `retry` submits another, which goes on from the last checkpoint.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{
    ear::Ear,
    events::Reader,
    folder::{Ended, JobFolder},
    jobs::Batch,
    state::state_of,
    submit::{Case, Found},
};
use crate::engine::compute::{Lost, Site, Work, concerns, last, slept, warning};
use crate::{
    fsx,
    protocol::{Failure, Level, Reply},
    slurm::{self, Cause, End, Job, JobId, Phase},
    stages::Slurm,
    store::ActionRecord,
};

/// How long to wait between two looks at a job's files: at first, and at most.
const TICKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// A shared file system may show the last files of a job so much later: of one that Slurm calls completed, and of others.
const LATE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(3)];
/// How much of a job's output is read.
const OUTPUT: u64 = 1 << 20;

/// What became of a stage.
pub(in crate::engine) enum Outcome {
    /// Its result.
    Made(Box<ActionRecord>),
    /// Its job goes on without this run.
    Left(JobId),
}

/// What became of a job.
enum Followed {
    Made(Box<ActionRecord>),
    Failed(Lost),
    Lost(slurm::Lost),
    Stopped,
}

impl Batch {
    /// Computes a stage as a job; waits for it unless the run does not wait for jobs.
    pub(in crate::engine) fn compute(
        &self,
        site: Site<'_>,
        work: &Work,
        settings: &Slurm,
        ear: &dyn Ear,
    ) -> Result<Outcome, Lost> {
        let key = work.fingerprint.key();
        let folder = JobFolder::of(site.store, &key);
        let case = Case { batch: self, site, work, settings, ear, key, folder };
        let (mut failed, mut since) = (0, self.began);
        loop {
            let lost = |failure| Lost { failure, attempts: failed, log: None };
            let id = match case.job(failed, since).map_err(lost)? {
                Found::Made(record) => return Ok(Outcome::Made(record)),
                Found::Job(id) => id,
            };
            if self.options.detach {
                self.queue.forget(id);
                return Ok(Outcome::Left(id));
            }
            let end = case.follow(id);
            self.queue.forget(id);
            let lost = match end {
                Followed::Made(record) => {
                    case.clear_up(id);
                    return Ok(Outcome::Made(record));
                }
                Followed::Failed(lost) => return Err(lost),
                Followed::Stopped => {
                    let failure = Failure::process("the run was stopped");
                    return Err(Lost { failure, attempts: failed, log: None });
                }
                Followed::Lost(lost) => lost,
            };
            failed += 1;
            case.again(&lost, failed)?;
            since = Instant::now();
        }
    }
}

impl Case<'_> {
    /// Waits before another job is submitted.
    ///
    /// # Errors
    /// There is to be none.
    fn again(&self, lost: &slurm::Lost, failed: u32) -> Result<(), Lost> {
        let failure = match lost.cause {
            Cause::TimeLimit => Failure::timeout(&lost.message),
            Cause::Memory | Cause::Node | Cause::Preempted | Cause::Cancelled | Cause::Unknown => {
                Failure::process(&lost.message)
            }
        };
        // Whoever cancels a job does not want another one.
        let retry = self.work.retry.filter(|_| lost.cause != Cause::Cancelled);
        let Some(retry) = retry.filter(|retry| concerns(retry, failure.class, failed)) else {
            let failure = last(failure, failed, self.work.retry);
            if let Err(error) = self.site.store.note_failure(&self.key, &failure.message) {
                tracing::debug!("{}: its failure could not be noted: {error}", self.work.task.name);
            }
            let log = Some(self.folder.output()).filter(|path| path.exists());
            return Err(Lost { failure, attempts: failed, log });
        };
        let wait = retry.wait(failed);
        self.ear.log(Level::Warning, &warning(&failure, failed, &retry, wait));
        match slept(wait, || self.is_stopped()) {
            true => Ok(()),
            false => Err(Lost { failure, attempts: failed, log: None }),
        }
    }

    fn follow(&self, id: JobId) -> Followed {
        let (mut events, began) = (Reader::of(self.folder.events()), Instant::now());
        let (mut told, mut gone) = (None, None);
        loop {
            events.read(&mut |reply| self.hear(reply));
            if let Some(ended) = self.folder.ended() {
                events.read(&mut |reply| self.hear(reply));
                return self.ended(id, ended);
            }
            if self.is_stopped() {
                self.stop();
                return Followed::Stopped;
            }
            let queue = self.batch.queue.look();
            let job = queue.job(id);
            let state = job.and_then(state_of);
            if state.is_some() && state != told {
                state.iter().cloned().for_each(|state| self.ear.job(state));
                told = state;
            }
            if job.map_or(queue.is_after(began), |job| !job.is_alive()) {
                // Another run may have seen its end first, and cleared up.
                if let Some(record) = self.result() {
                    return Followed::Made(Box::new(record));
                }
                if gone.get_or_insert_with(Instant::now).elapsed() >= late(job) {
                    return self.lost(id, job);
                }
            } else {
                gone = None;
            }
            slept((began.elapsed() / 10).clamp(TICKS[0], TICKS[1]), || self.is_stopped());
        }
    }

    fn hear(&self, reply: Reply) {
        match reply {
            Reply::Progress(progress) => self.ear.progress(progress),
            Reply::Epoch { end, losses } => self.ear.epoch(end, losses),
            Reply::Log { level, text } => self.ear.log(level, &text),
            // A job writes no others.
            Reply::Ready { .. } | Reply::Checked(_) | Reply::Done(_) | Reply::Failed(_) => {}
        }
    }

    fn ended(&self, id: JobId, ended: Ended) -> Followed {
        let Ended { failure: None, .. } = ended else {
            let failure = ended.failure.unwrap_or_else(|| Failure::process("it failed"));
            return Followed::Failed(Lost { failure, attempts: ended.attempts, log: ended.log });
        };
        let began = Instant::now();
        loop {
            if let Ok(Some(record)) = self.site.store.record(&self.key).map(crate::store::Lookup::found) {
                return Followed::Made(Box::new(record));
            }
            if self.is_stopped() {
                return Followed::Stopped;
            }
            if began.elapsed() >= LATE[0] {
                return self.lost(id, None);
            }
            slept(TICKS[1], || self.is_stopped());
        }
    }

    fn lost(&self, id: JobId, job: Option<&Job>) -> Followed {
        let output = fsx::read_text(&self.folder.output(), OUTPUT).unwrap_or_default();
        Followed::Lost(slurm::lost(id, job, &output))
    }

    /// The run was stopped: its jobs are cancelled, unless they are to go on.
    fn stop(&self) {
        if !self.batch.options.leave.load(Ordering::SeqCst)
            && let Err(trouble) = self.batch.queue.cancel()
        {
            self.ear
                .log(Level::Warning, &format!("the jobs could not be cancelled ({trouble}): use `scancel`"));
        }
    }

    /// What the job leaves behind is not needed any more, unless it belongs to a later job.
    fn clear_up(&self, id: JobId) {
        if self.folder.submitted() == Some(id)
            && let Err(error) = self.site.store.remove_job(&self.key)
        {
            tracing::debug!("{}: files of its job are left: {error}", self.work.task.name);
        }
    }
}

fn late(job: Option<&Job>) -> Duration {
    match job.map(|job| job.phase) {
        Some(Phase::Ended(End::Completed)) => LATE[0],
        _ => LATE[1],
    }
}
