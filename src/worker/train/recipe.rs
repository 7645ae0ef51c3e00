//! How a network is trained: what a checkpoint hands on to who resumes it.

use pcamflow::stages::train::{Architecture, Optimizer, Train};
use serde::{Deserialize, Serialize};

/// Everything semantic about a training but its data, its length and its patience.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Recipe {
    /// The network.
    pub(crate) architecture: Architecture,
    /// The optimiser.
    pub(crate) optimizer: Optimizer,
    /// Patches per step.
    pub(crate) batch_size: u32,
    /// Whether each epoch has an order of its own.
    pub(crate) shuffle: bool,
    /// Seeds the initialisation and the orders.
    pub(crate) seed: u64,
}

impl From<&Train> for Recipe {
    fn from(stage: &Train) -> Self {
        Self {
            architecture: stage.architecture.clone(),
            optimizer: stage.optimizer.clone(),
            batch_size: stage.batch_size,
            shuffle: stage.shuffle,
            seed: stage.seed,
        }
    }
}
