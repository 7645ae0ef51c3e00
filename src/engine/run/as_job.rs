//! An attempt at a stage that is computed as a job: in turns, of which none waits for long.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::engine::{
    batch::{Case, Context, Outcome, Step, Turn, Turns},
    compute::Lost,
    run::attempt::{Attempt, Failed, Forward, Message},
};
use crate::{protocol::Failure, stages::Slurm};

/// The attempt, and where it is.
pub(super) struct AsJob<'a> {
    attempt: Attempt<'a>,
    settings: Slurm,
    /// `None` before the first turn.
    case: Option<Case>,
}

impl<'a> AsJob<'a> {
    pub(super) fn new(attempt: Attempt<'a>, settings: Slurm) -> Self {
        Self { attempt, settings, case: None }
    }

    /// What the run is told at the end of the attempt; a turn that is to come before it is not an end.
    fn next(&mut self) -> Result<Result<Message, Turn>, Failed> {
        let Self { attempt, settings, case } = self;
        let forward = Forward { attempt };
        let context = Context {
            batch: attempt.shared.batch,
            site: attempt.site(),
            work: &attempt.work,
            settings,
            ear: &forward,
        };
        let case = match case {
            Some(case) => case,
            None => {
                if let Some(record) = attempt.found() {
                    return Ok(Ok(Message::Done(attempt.index, Ok(attempt.done(record, true)))));
                }
                attempt.fetch_inputs()?;
                case.insert(Case::new(&context))
            }
        };
        match case.step(&context) {
            Step::After(wait) => Ok(Err(Turn::After(wait))),
            Step::Over(Ok(Outcome::Left(id))) => Ok(Ok(Message::Left(attempt.index, id))),
            Step::Over(Ok(Outcome::Made(record))) => {
                attempt.shared.lease.claim(&record);
                Ok(Ok(Message::Done(attempt.index, Ok(attempt.done(*record, false)))))
            }
            Step::Over(Err(Lost { failure, log, .. })) => Err(Failed { log, ..failure.into() }),
        }
    }
}

impl Turns for AsJob<'_> {
    fn turn(&mut self) -> Turn {
        let next = catch_unwind(AssertUnwindSafe(|| self.next()));
        let next = next.unwrap_or_else(|panic| Err(Failure::panicked(&*panic).into()));
        let message = match next {
            Ok(Err(turn)) => return turn,
            Ok(Ok(message)) => message,
            Err(failed) => Message::Done(self.attempt.index, Err(failed)),
        };
        // An error means that the run is over.
        let _ = self.attempt.send.send(message);
        Turn::Over
    }
}
