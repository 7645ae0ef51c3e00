//! Waits for a job: passes on what it says, and notices its end.
//!
//! A job that could still speak has written how it ended. Of one that could not, Slurm says why it was lost; then
//! `retry` submits another, which goes on from the last checkpoint.

use std::time::{Duration, Instant};

use super::{
    case::{Case, Context, State, Step},
    folder::Ended,
    state::state_of,
};
use crate::engine::compute::{Lost, concerns, last, warning};
use crate::{
    protocol::{Failure, Level, Reply},
    slurm::{Cause, End, Job, JobId, Phase, lost},
};

/// How long to wait between two looks at a job's files: at first, and at most.
const TICKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];
/// A shared file system may show the last files of a job so much later: of one that Slurm calls completed, and of others.
const LATE: [Duration; 2] = [Duration::from_secs(65), Duration::from_secs(5)];

impl Case {
    /// Looks at the job once.
    pub(super) fn follow(&mut self, context: &Context<'_>) -> Step {
        let State::Following(following) = &mut self.state else { return Step::After(Duration::ZERO) };
        following.events.read(&mut |reply| hear(reply, context));
        let id = following.id;
        if let Some(ended) = self.folder.ended(id) {
            // It may have said something between the two looks.
            following.events.read(&mut |reply| hear(reply, context));
            return self.ended(id, ended, context);
        }
        let queue = context.batch.queue.look();
        let job = queue.job(id);
        let state = job.and_then(state_of);
        if state.is_some() && state != following.told {
            state.iter().cloned().for_each(|state| context.ear.job(state));
            following.told = state;
        }
        let tick = (following.began.elapsed() / 10).clamp(TICKS[0], TICKS[1]);
        if !job.map_or(queue.is_after(following.began), |job| !job.is_alive()) {
            following.gone = None;
            return Step::After(tick);
        }
        let gone = *following.gone.get_or_insert_with(Instant::now);
        self.folder.refresh();
        // Another run may have seen its end first, and cleared up.
        let is_cleared = self.folder.submitted().is_none_or(|submitted| submitted.job != id);
        let made = if is_cleared { self.record(context) } else { self.result(context) };
        if let Some(made) = made {
            return self.over(id, made, context);
        }
        // Slurm has to say so twice: a job that is put back into its queue is over for a moment.
        match queue.is_after(gone + late(job)) {
            true => self.lost(id, job, context),
            false => Step::After(tick.min(LATE[1])),
        }
    }

    /// The job has said how it ended.
    fn ended(&mut self, id: JobId, ended: Ended, context: &Context<'_>) -> Step {
        if let Some(failure) = ended.failure {
            self.folder.note_told(id);
            context.batch.queue.forget(id);
            return Step::Over(Err(Lost { failure, attempts: ended.attempts, log: ended.log }));
        }
        if let Some(made) = self.record(context) {
            return self.over(id, made, context);
        }
        // The record is written before the word of the job, but may be seen after it.
        let State::Following(following) = &mut self.state else { return Step::After(TICKS[1]) };
        match following.gone.get_or_insert_with(Instant::now).elapsed() >= LATE[0] {
            true => self.lost(id, None, context),
            false => Step::After(TICKS[1]),
        }
    }

    /// There is a result: what the job leaves behind is not needed any more, unless it belongs to a later job.
    fn over(&self, id: JobId, made: Step, context: &Context<'_>) -> Step {
        context.batch.queue.forget(id);
        if self.folder.submitted().is_some_and(|submitted| submitted.job == id)
            && let Err(error) = context.site.store.remove_job(&self.key)
        {
            tracing::debug!("{}: files of its job are left: {error}", context.work.task.name);
        }
        made
    }

    /// The job was lost: another one is submitted after a while, or the stage has failed.
    fn lost(&mut self, id: JobId, job: Option<&Job>, context: &Context<'_>) -> Step {
        context.batch.queue.forget(id);
        self.failed += 1;
        self.folder.note_told(id);
        let lost = lost(id, job, &self.folder.last_output());
        let failure = match lost.cause {
            Cause::TimeLimit => Failure::timeout(&lost.message),
            Cause::Memory | Cause::Node | Cause::Preempted | Cause::Cancelled | Cause::Unknown => {
                Failure::process(&lost.message)
            }
        };
        // Whoever cancelled the job does not want it to run again.
        let retry = context.work.retry.filter(|_| lost.cause != Cause::Cancelled);
        let Some(retry) = retry.filter(|retry| concerns(retry, failure.class, self.failed)) else {
            let failure = last(failure, self.failed, context.work.retry);
            if let Err(error) = context.site.store.note_failure(&self.key, &failure.message) {
                tracing::debug!("{}: its failure could not be noted: {error}", context.work.task.name);
            }
            let log = Some(self.folder.output()).filter(|path| path.exists());
            return Step::Over(Err(Lost { failure, attempts: self.failed, log }));
        };
        let wait = retry.wait(self.failed);
        context.ear.log(Level::Warning, &warning(&failure, self.failed, &retry, wait));
        self.state = State::Looking(Instant::now());
        Step::After(wait)
    }
}

fn hear(reply: Reply, context: &Context<'_>) {
    match reply {
        Reply::Progress(progress) => context.ear.progress(progress),
        Reply::Epoch { end, losses } => context.ear.epoch(end, losses),
        Reply::Log { level, text } => context.ear.log(level, &text),
        // A job writes no others.
        Reply::Ready { .. } | Reply::Checked(_) | Reply::Done(_) | Reply::Failed(_) => {}
    }
}

fn late(job: Option<&Job>) -> Duration {
    match job.map(|job| job.phase) {
        Some(Phase::Ended(End::Completed)) => LATE[0],
        _ => LATE[1],
    }
}
