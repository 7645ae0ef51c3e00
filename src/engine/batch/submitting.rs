//! Submits a job, and tries again while Slurm takes no more jobs or does not answer.

use std::time::Instant;

use super::{
    case::{Case, Context, State, Step},
    folder::Submitted,
};
use crate::{
    protocol::Failure,
    slurm::{Queue, Submission, Trouble},
};

impl Case {
    /// Submits the job whose folder is prepared.
    pub(super) fn submit(&mut self, context: &Context<'_>) -> Step {
        let unsure = matches!(self.state, State::Submitting { unsure: true, .. });
        let mut program = context.batch.options.program.clone();
        program.push(self.folder.path().display().to_string());
        let submission = Submission {
            settings: context.settings,
            name: &context.work.task.name,
            mark: &self.mark,
            output: self.folder.output(),
            program,
        };
        let queue = &context.batch.queue;
        match queue.submit(&submission, unsure, || context.is_stopped()) {
            Ok(None) => self.fail(Failure::process("the run was stopped")),
            Ok(Some(job)) => {
                let submitted = Submitted { job, user: Queue::user() };
                match self.folder.write_submitted(submitted) {
                    // This releases the lock.
                    Ok(()) => self.begin_to_follow(submitted, context),
                    Err(failure) => self.fail(failure),
                }
            }
            Err(trouble) => self.wait_for_slurm(trouble, context),
        }
    }

    fn wait_for_slurm(&mut self, trouble: Trouble, context: &Context<'_>) -> Step {
        if let (Trouble::Silent(_), State::Submitting { unsure, .. }) = (&trouble, &mut self.state) {
            *unsure = true;
        }
        // If no job of this user is left, the limit will not change by waiting.
        let is_final = matches!(trouble, Trouble::Full(_))
            && context.batch.queue.after(Instant::now()).is_ok_and(|queue| !queue.has_any());
        if is_final {
            return self.fail(Failure::environment(trouble));
        }
        match self.patience.wait(&trouble, context.ear) {
            Ok(wait) => Step::After(wait),
            Err(failure) => self.fail(failure),
        }
    }
}
