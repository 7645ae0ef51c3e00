//! The stage kind `resume-train`: takes a training out of its checkpoint, and trains on.

use anyhow::Result;
use pcamflow::{
    protocol::Outcome,
    stages::resume_train::{ResumeTrain, Start},
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
    state.recipe.seed = stage.seed.unwrap_or(state.recipe.seed);
    state.resume(stage.start)?;
    job.reporter.info(&format!("goes on after epoch {} of the {last} of {}", state.epoch, input.name));
    if stage.start == Start::Best && stage.seed.is_none() && state.epoch < last {
        let (from, to) = (state.epoch + 1, last);
        job.reporter
            .info(&format!("epochs {from} to {to} repeat themselves: another `seed` would change that"));
    }
    Ok(state)
}

#[cfg(test)]
mod tests;
