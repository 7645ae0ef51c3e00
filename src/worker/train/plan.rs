//! How long to train, and on which patches.

use super::state::State;
use crate::batches::Patches;

/// How long to train.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The number of the last epoch, counted from the very first.
    pub(crate) last_epoch: u32,
    /// Stop after this many epochs without a strictly smaller validation loss.
    pub(crate) patience: Option<u32>,
    /// Epochs between two checkpoints.
    pub(crate) checkpoint_interval: u32,
}

impl Plan {
    /// Whether a training is at its end.
    pub(super) fn is_done(&self, state: &State) -> bool {
        let impatient = self.patience.is_some_and(|patience| state.epochs_since_best >= patience);
        state.epoch >= self.last_epoch || impatient
    }
}

/// The patches of a training.
pub(crate) struct Data<'a> {
    /// Patches to learn from.
    pub(crate) train: &'a dyn Patches,
    /// Patches that decide which epoch is best.
    pub(crate) validation: &'a dyn Patches,
}
