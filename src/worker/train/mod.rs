//! Training: the loop, and what it is made of.
//!
//! `recipe` says how to train, `state` is everything that a training is at the end of an epoch,
//! `epoch` moves it by one pass over the patches (with `schedule`, `weighting` and `augment`),
//! `checkpoint` turns it into bytes and back, `partial` keeps it between attempts, `told` says it in a line. Knows no stage:
//! `jobs::train` brings it the data and takes the artifacts. To resume is to call `train` with a state
//! out of a checkpoint.

mod augment;
pub(crate) mod checkpoint;
mod epoch;
pub(crate) mod partial;
mod plan;
mod progress;
mod recipe;
mod schedule;
pub(crate) mod state;
mod told;
mod weighting;

use anyhow::Result;
use pcamflow::{metrics::Epoch, serve::Reporter};

use partial::Partial;
pub(crate) use plan::{Data, Plan};
use progress::Progress;
pub(crate) use recipe::Recipe;
#[cfg(test)]
pub(crate) use schedule::{Place, rates};
pub(crate) use state::State;

impl Plan {
    fn is_done(&self, state: &State) -> bool {
        let no_patience = self.patience.is_some_and(|patience| state.epochs_since_best >= patience);
        state.epoch >= self.last_epoch || no_patience
    }
}

/// Trains until the last epoch, or until patience is over.
///
/// # Errors
/// What reading the patches reports; a loss that is not finite; a checkpoint that cannot be written.
pub(crate) fn train(
    state: &mut State,
    plan: &Plan,
    data: &Data<'_>,
    partial: &Partial,
    reporter: &dyn Reporter,
) -> Result<()> {
    let progress = Progress::new(reporter, state.epoch, plan, data);
    state.network.unfreeze();
    while !plan.is_done(state) {
        let number = state.epoch + 1;
        let learnt = epoch::learn(state, number, data.train, &progress)?;
        let validated = epoch::validate(state, number, data.validation, plan.validation_batch, &progress)?;
        state.close_epoch(Epoch {
            epoch: number,
            train_loss: learnt.loss,
            train_accuracy: learnt.accuracy,
            validation_loss: validated.loss,
            validation_accuracy: validated.accuracy,
        });
        reporter.info(&told::epoch(state));
        if number.is_multiple_of(plan.checkpoint_interval.max(1)) || plan.is_done(state) {
            partial.save(state)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
