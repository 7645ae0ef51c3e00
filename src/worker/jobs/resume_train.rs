//! The stage kind `resume-train`: takes a training out of its checkpoint, and trains on.

use anyhow::Result;
use pcamflow::{
    protocol::Outcome,
    stages::{
        resume_train::{ResumeTrain, Start},
        train::Schedule,
    },
};

use super::{
    check::fits,
    train::{Length, train_on},
};
use crate::{
    job::Job,
    tensors::TensorFile,
    train::{State, checkpoint},
};

/// Trains on from a checkpoint, or from where an earlier attempt was stopped.
///
/// # Errors
/// A file that is no checkpoint, or one of another architecture than is asked for; whatever training
/// reports.
pub(crate) fn run(job: &Job<'_>, stage: &ResumeTrain) -> Result<Outcome> {
    let length = Length { epochs: stage.epochs, stopping: stage.early_stopping.as_ref() };
    train_on(job, &length, || begin(job, stage))
}

fn begin(job: &Job<'_>, stage: &ResumeTrain) -> Result<State> {
    let input = job.input("from")?;
    let mut state = checkpoint::decode(TensorFile::read(input)?, job.device)?;
    fits(&input.name, &state.recipe.architecture, stage.architecture.as_ref())?;
    let last = state.epoch;
    let name = &input.name;
    state.recipe.seed = stage.seed.unwrap_or(state.recipe.seed);
    state.resume(stage.start)?;
    job.reporter.info(&format!("goes on after epoch {} of the {last} of {name}", state.epoch));
    if let Some(over) = state.recipe.schedule.as_ref().and_then(|schedule| over(schedule, state.epoch)) {
        job.reporter.warn(&format!("{name}: {over}"));
    }
    if stage.start == Start::Best && stage.seed.is_none() && state.epoch < last {
        let (from, to) = (state.epoch + 1, last);
        job.reporter
            .info(&format!("epochs {from} to {to} repeat themselves: another `seed` would change that"));
    }
    Ok(state)
}

/// What to know of a schedule that has come to its end before these epochs.
fn over(schedule: &Schedule, epochs: u32) -> Option<String> {
    let (length, then) = match schedule {
        Schedule::OneCycle(cycle) => {
            (cycle.epochs?, "its last, smallest learning rate stays, so the model hardly changes")
        }
        Schedule::Cosine(cosine) => (cosine.epochs?, "the learning rate rises again along the same cosine"),
        Schedule::Constant(_) | Schedule::Step(_) => return None,
    };
    (epochs >= length).then(|| {
        format!(
            "its schedule ran out after epoch {length}: {then}; to train for longer give the first training a \
             schedule with `epochs` for all of them"
        )
    })
}

#[cfg(test)]
mod tests;
