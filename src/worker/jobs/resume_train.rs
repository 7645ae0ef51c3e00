//! Stage kind `resume-train`: continues a training from its checkpoint.

use anyhow::Result;
use pcamflow::{
    protocol::Outcome,
    stages::{
        resume_train::{EarlyStopping, ResumeTrain},
        train::Schedule,
    },
};

use super::{check::check_architecture, train::train_on};
use crate::{
    job::Job,
    tensors::TensorFile,
    train::{State, checkpoint},
};

/// Continues from a checkpoint, or from an earlier attempt.
///
/// # Errors
/// The file is not a checkpoint, or one of another architecture; training fails.
pub(crate) fn run(job: &Job<'_>, stage: &ResumeTrain) -> Result<Outcome> {
    let patience = stage.early_stopping.as_ref().map(|stopping| stopping.patience);
    train_on(job, stage.epochs, patience, || begin(job, stage))
}

fn begin(job: &Job<'_>, stage: &ResumeTrain) -> Result<State> {
    let input = job.input("from")?;
    let name = &input.name;
    let mut state = checkpoint::decode(TensorFile::read(input)?, job.device)?;
    check_architecture(name, &state.recipe.architecture, stage.architecture.as_ref())?;
    let last = state.epoch;
    if let Some(precision) = stage.precision {
        state.recipe.precision = precision.unusual();
    }
    state.recipe.seed = stage.seed.unwrap_or(state.recipe.seed);
    state
        .resume(stage.start, stage.early_stopping.as_ref().is_some_and(|stopping| stopping.continue_count))?;
    if let Some(stopped) = stopped(stage.early_stopping.as_ref(), &state, name) {
        job.reporter.warn(&stopped);
        return Ok(state);
    }
    job.reporter.info(&format!("continues after epoch {} of the {last} of {name}", state.epoch));
    if let Some(problem) = state.recipe.schedule.as_ref().and_then(|schedule| past(schedule, state.epoch)) {
        job.reporter.warn(&format!("{name}: {problem}"));
    }
    Ok(state)
}

/// A warning if early stopping ends the training before its first epoch.
fn stopped(stopping: Option<&EarlyStopping>, state: &State, name: &str) -> Option<String> {
    let (patience, count) = (stopping?.patience, state.epochs_since_best);
    (count >= patience).then(|| {
        format!(
            "{name} already ends with {count} epochs without a smaller validation loss, and `patience` is {patience}: \
             no epoch is trained, and model and history stay the same"
        )
    })
}

/// A warning if a schedule ended before this epoch.
fn past(schedule: &Schedule, epoch: u32) -> Option<String> {
    let (length, then) = match schedule {
        Schedule::OneCycle(cycle) => {
            (cycle.epochs?, "the learning rate stays at its minimum, so the model hardly changes")
        }
        Schedule::Cosine(cosine) => (cosine.epochs?, "the learning rate rises again along the same cosine"),
        Schedule::Constant(_) | Schedule::Step(_) => return None,
    };
    (epoch >= length).then(|| {
        format!(
            "its schedule ran out after epoch {length}: {then}; to train for longer, set `epochs` in the \
             schedule of the first training to the number of all epochs"
        )
    })
}

#[cfg(test)]
mod tests;
