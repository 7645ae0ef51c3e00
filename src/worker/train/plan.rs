//! How far to train, and on what. Plain data.

use crate::batches::Patches;

/// How far to train, and how to compute it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How many epochs were over before: progress is told from there on.
    pub(crate) first_epoch: u32,
    /// The number of the last epoch, counted from the very first.
    pub(crate) last_epoch: u32,
    /// Stop after so many epochs without a strictly smaller validation loss.
    pub(crate) patience: Option<u32>,
    /// Epochs between two checkpoints.
    pub(crate) checkpoint_interval: u32,
    /// Images a batch in validation.
    pub(crate) validation_batch: usize,
}

/// What to learn from, and what decides which epoch is best.
pub(crate) struct Data<'a> {
    /// What to learn from.
    pub(crate) train: &'a dyn Patches,
    /// What decides.
    pub(crate) validation: &'a dyn Patches,
}
