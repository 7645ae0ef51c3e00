//! The line of an epoch in the stage's log. It contains no times, so equal trainings have equal logs.

use super::{
    State,
    schedule::{Place, rates},
};
use crate::numbers::short;

/// The results of the last epoch.
pub(super) fn last_epoch(state: &State) -> String {
    let Some(last) = state.history.epochs.last() else { return String::new() };
    let best = state.best.as_ref().is_some_and(|best| best.epoch == last.epoch);
    format!(
        "epoch {}: loss {}, accuracy {}; validation loss {}, accuracy {}; learning rate {}{}",
        last.epoch,
        short(last.train_loss),
        short(last.train_accuracy),
        short(last.validation_loss),
        short(last.validation_accuracy),
        short(learning_rate(state, last.epoch)),
        if best { " (the best so far)" } else { "" }
    )
}

/// The learning rate of the first step of an epoch.
fn learning_rate(state: &State, epoch: u32) -> f64 {
    let peak = state.recipe.optimizer.learning_rate();
    let steps = state.optimizer.steps() / u64::from(epoch.max(1));
    let place = Place {
        epochs: epoch.saturating_sub(1),
        step: 0,
        steps_per_epoch: usize::try_from(steps).unwrap_or(usize::MAX),
    };
    state.recipe.schedule.as_ref().map_or(peak, |schedule| rates(schedule, peak, place).learning_rate)
}
