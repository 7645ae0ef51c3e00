//! An epoch in a line of the log. Says nothing of times: a log is the same wherever the training is.

use super::{
    State,
    schedule::{Place, rates},
};
use crate::words::number;

/// What the epoch gave that was closed last.
pub(super) fn epoch(state: &State) -> String {
    let Some(last) = state.history.epochs.last() else { return String::new() };
    let best = state.best.as_ref().is_some_and(|best| best.epoch == last.epoch);
    format!(
        "epoch {}: loss {}, accuracy {}; validation loss {}, accuracy {}; learning rate {}{}",
        last.epoch,
        number(last.train_loss),
        number(last.train_accuracy),
        number(last.validation_loss),
        number(last.validation_accuracy),
        number(learning_rate(state, last.epoch)),
        if best { " (the best so far)" } else { "" }
    )
}

/// The learning rate with which an epoch began.
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
