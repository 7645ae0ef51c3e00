//! Training: the loop over epochs.
//!
//! `recipe` says how to train. `state` is a training between two epochs; `epoch` advances it (with `schedule`,
//! `weighting` and `augment`), `checkpoint` turns it into bytes and back, `partial` keeps checkpoints between
//! attempts, `so_far` draws the curves for people who watch, and `log` describes an epoch. Resuming is calling `train`
//! with a state from a checkpoint. Inputs and artifacts are the business of `jobs::train`.

mod augment;
pub(crate) mod checkpoint;
mod epoch;
mod log;
pub(crate) mod partial;
mod plan;
mod progress;
mod recipe;
mod schedule;
mod so_far;
pub(crate) mod state;
mod weighting;

use anyhow::Result;
use pcamflow::{metrics::Epoch, serve::Reporter};

use partial::Partial;
pub(crate) use plan::{Data, Plan};
use progress::Progress;
pub(crate) use recipe::Recipe;
#[cfg(test)]
pub(crate) use schedule::{Place, rates};
use so_far::SoFar;
pub(crate) use state::State;

/// Trains until the last epoch, or until patience runs out.
///
/// # Errors
/// The patches cannot be read, a loss is not finite, or a checkpoint cannot be written.
pub(crate) fn train(
    state: &mut State,
    plan: &Plan,
    data: &Data<'_>,
    partial: &Partial,
    reporter: &dyn Reporter,
) -> Result<()> {
    let progress = Progress::new(reporter, state, plan, data);
    let mut so_far = SoFar::new(partial.folder());
    state.network.unfreeze();
    while !plan.is_done(state) {
        let number = state.epoch + 1;
        let (learnt, losses) = epoch::learn(state, number, data.train, &progress)?;
        let validated = epoch::validate(state, number, data.validation, &progress)?;
        state.close_epoch(Epoch {
            epoch: number,
            train_loss: learnt.loss,
            train_accuracy: learnt.accuracy,
            validation_loss: validated.loss,
            validation_accuracy: validated.accuracy,
            learning_rate: Some(state.optimizer.learning_rate()),
        });
        reporter.info(&log::last_epoch(state));
        // The last epoch is in the artifact.
        if !plan.is_done(state) {
            so_far.draw(&state.history, &state.resumed_after, reporter);
        }
        progress.ended(state, losses);
        if number.is_multiple_of(plan.checkpoint_interval.max(1)) || plan.is_done(state) {
            partial.save(state)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
