//! What the settings of every method tell about it.
//!
//! Most methods need few of these answers, so each has a default. Knows no method.

use serde::Serialize;

use crate::stages::{Baseline, Check, Model, architecture::Architecture};

/// The settings of a method.
pub trait Settings {
    /// The baseline, if the method has one, and its place in the stage's table.
    fn baseline(&self) -> Option<(Baseline, &'static str)> {
        None
    }

    /// The largest error of completeness, if one is set.
    fn tolerance(&self) -> Option<f64> {
        None
    }

    /// Whether its maps depend on random numbers, and so on the seed.
    fn draws(&self) -> bool {
        false
    }

    /// Whether it goes back through the layers by rules of its own, which are only for float32 networks.
    fn has_rules(&self) -> bool {
        false
    }

    /// Checks the values.
    fn check(&self, _model: &Model, _check: &mut Check<'_>) {}

    /// Checks that they fit a network, where it is known before the run.
    fn check_network(&self, _network: &Architecture, _check: &mut Check<'_>) {}

    /// Fills in what depends on the network: the name of its last layer before the pooling.
    fn settle(&mut self, _last_layer: &str) {}

    /// The settings as JSON for a file of maps, from which they can be read again.
    ///
    /// # Errors
    /// A number is not finite.
    fn to_json(&self) -> serde_json::Result<String>
    where
        Self: Serialize + Sized,
    {
        serde_json::to_string(self)
    }
}
