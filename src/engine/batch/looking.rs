//! Looks for the job that computes a key.
//!
//! The key's lock is held from the look at what there is until a job is submitted and noted, so two runs never submit two
//! jobs for one key. The job itself locks the key while it computes.

use std::time::{Duration, Instant};

use super::{
    case::{Case, Context, State, Step},
    folder::{Ended, Spec, Submitted},
};
use crate::{
    digest::Digest,
    place::owner,
    protocol::{Failure, Level},
    slurm::{Job, Phase, Queue, Snapshot, lost},
    store::{KeyLock, TryKey},
};

/// How often to look whether another run has submitted the job, or an old one is gone.
const INTERVAL: Duration = Duration::from_millis(500);
/// So long after a submission that was cut off, Slurm may still list its job.
const UNSURE: Duration = Duration::from_secs(10);

impl Case {
    /// Follows the job that there is, or begins to submit one.
    pub(super) fn look(&mut self, since: Instant, context: &Context<'_>) -> Step {
        if let Err(trouble) = context.batch.queue.after(since) {
            return match self.patience.wait(&trouble, context.ear) {
                // Not the same answer again.
                Ok(wait) => {
                    self.state = State::Looking(Instant::now());
                    Step::After(wait)
                }
                Err(failure) => self.fail(failure),
            };
        }
        let queue = context.batch.queue.look();
        match queue.alive(&self.mark) {
            Some(job) if self.folder.ended(job.id).is_some() => {}
            // It is being ended, or put back into the queue.
            Some(Job { phase: Phase::Completing, .. }) => return Step::After(INTERVAL),
            Some(job) => {
                let user = self.folder.submitted().map_or_else(Queue::user, |submitted| submitted.user);
                return self.begin_to_follow(Submitted { job: job.id, user }, context);
            }
            None => {}
        }
        match context.site.store.try_lock(&self.key, &owner()) {
            Ok(TryKey::Acquired(lock)) => self.with_lock(lock, context),
            Ok(TryKey::Held(by)) => {
                context.ear.waiting(by);
                Step::After(INTERVAL)
            }
            Err(error) => self.fail(Failure::environment(error)),
        }
    }

    fn with_lock(&mut self, lock: KeyLock, context: &Context<'_>) -> Step {
        if let Some(made) = self.result(context) {
            return made;
        }
        let submitted = self.folder.submitted();
        if submitted.is_some() || self.folder.is_newer_than(UNSURE) {
            // Another run has submitted it, perhaps after the question.
            if let Some(step) = self.there(submitted, context) {
                return step;
            }
        }
        match self.prepare(context) {
            Ok(()) => {
                self.state = State::Submitting { _lock: lock, unsure: false };
                self.submit(context)
            }
            Err(failure) => self.fail(failure),
        }
    }

    /// The job of an earlier submission, if it is still to end; or what to do instead of submitting another.
    fn there(&mut self, submitted: Option<Submitted>, context: &Context<'_>) -> Option<Step> {
        let queue = &context.batch.queue;
        submitted.iter().filter(|one| one.user != Queue::user()).for_each(|one| queue.ask_for(one.user));
        let now = match queue.after(Instant::now()) {
            Ok(now) => now,
            Err(trouble) => {
                return Some(match self.patience.wait(&trouble, context.ear) {
                    Ok(wait) => Step::After(wait),
                    Err(failure) => self.fail(failure),
                });
            }
        };
        // The comment has to be right: numbers of jobs come again.
        if let Some(job) = now.alive(&self.mark).filter(|job| self.folder.ended(job.id).is_none()) {
            let user = submitted.map_or_else(Queue::user, |one| one.user);
            return Some(self.begin_to_follow(Submitted { job: job.id, user }, context));
        }
        match submitted {
            None => Some(Step::After(INTERVAL)),
            Some(one) => self.tell_of_former(one, &now, context),
        }
    }

    /// Tells how the previous job failed, unless that has been told. A detached run then fails, and submits nothing.
    fn tell_of_former(&self, one: Submitted, now: &Snapshot, context: &Context<'_>) -> Option<Step> {
        if self.folder.told() == Some(one.job) {
            return None;
        }
        let failure = match self.folder.ended(one.job) {
            Some(Ended { failure, .. }) => failure?.message,
            None => lost(one.job, now.job(one.job), &self.folder.last_output()).message,
        };
        self.folder.note_told(one.job);
        if context.batch.options.detach {
            return Some(self.fail(Failure::process(failure)));
        }
        context.ear.log(
            Level::Warning,
            &format!("another job is submitted, because the former one failed: {failure}"),
        );
        None
    }

    /// A new folder, with what the job is to compute.
    fn prepare(&self, context: &Context<'_>) -> Result<(), Failure> {
        let (store, work) = (context.site.store, context.work);
        let inputs = work.fingerprint.lines().iter().filter(|(line, _)| line.starts_with("input "));
        let needs = inputs.filter_map(|(_, digest)| digest.parse::<Digest>().ok());
        let folder = store.new_job(&self.key, needs).map_err(Failure::environment)?;
        if !crate::slurm::is_plain(&folder) {
            let folder = folder.display();
            let text = format!("{folder}: Slurm cannot write to such a path: choose another --store");
            return Err(Failure::environment(text));
        }
        self.folder.write_spec(&Spec::new(store, context.batch.options.offline, self.failed, work))
    }
}
