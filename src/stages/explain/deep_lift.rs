//! The settings of DeepLIFT.

use super::Settings;
use crate::stages::{Baseline, Check, Model, declare::settings};

/// The place of its baseline in a stage's table.
const BASELINE: &str = "method.deep-lift.baseline";

settings! {
    /// Differences from a baseline, handed back layer by layer (Shrikumar et al. 2017, the rescale rule).
    pub struct DeepLift {
        /// What the image is compared with.
        baseline: Baseline = Baseline::Black;
    }
}

impl Settings for DeepLift {
    fn baseline(&self) -> Option<(Baseline, &'static str)> {
        Some((self.baseline, BASELINE))
    }

    fn has_rules(&self) -> bool {
        true
    }

    fn check(&self, model: &Model, check: &mut Check<'_>) {
        self.baseline.check(model, BASELINE, check);
    }
}
