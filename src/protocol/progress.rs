//! What a task says while it runs: how far it is, and the epochs of a training. Plain data; knows no displays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all; 0 if unknown.
    pub total: u64,
    /// What a unit is: `images`, `patches`, `bytes`.
    pub unit: String,
    /// What it is doing, in a few words, the most important first: `epoch 3/8, loss 0.412`.
    pub at: String,
}

/// An epoch of a training that has ended, and the best one so far. Losses are means over images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct EpochEnd {
    /// Its number, from 1; a resumed training continues the numbers.
    pub epoch: u32,
    /// The number of the last epoch, unless the training stops early.
    pub of: u32,
    /// Over the training patches, while the weights changed.
    #[serde(with = "crate::finite")]
    #[schemars(with = "Option<f64>")]
    pub train_loss: f64,
    /// Over the training patches, while the weights changed; 0 to 1.
    #[serde(with = "crate::finite")]
    #[schemars(with = "Option<f64>")]
    pub train_accuracy: f64,
    /// Over the validation patches, after the epoch.
    #[serde(with = "crate::finite")]
    #[schemars(with = "Option<f64>")]
    pub validation_loss: f64,
    /// Over the validation patches, after the epoch; 0 to 1.
    #[serde(with = "crate::finite")]
    #[schemars(with = "Option<f64>")]
    pub validation_accuracy: f64,
    /// The number of the best epoch so far: the one with the smallest validation loss.
    pub best: u32,
    /// The validation loss of the best epoch.
    #[serde(with = "crate::finite")]
    #[schemars(with = "Option<f64>")]
    pub best_loss: f64,
}
