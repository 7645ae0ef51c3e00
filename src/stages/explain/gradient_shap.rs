//! The settings of GradientSHAP.

use super::Settings;
use crate::stages::{Baseline, Check, Model, declare::settings};

/// The place of its baseline in a stage's table.
const BASELINE: &str = "method.gradient-shap.baseline";

settings! {
    /// Gradients at random points between a baseline and noisy copies of the image (Lundberg & Lee 2017).
    pub struct GradientShap {
        /// Random points for each image.
        samples: u32 = 50;
        /// Standard deviation of the noise, as a share of the image's largest minus its smallest value.
        noise: f64 = 0.0;
        /// Where the lines to the copies begin.
        baseline: Baseline = Baseline::Black;
    }
}

impl Settings for GradientShap {
    fn baseline(&self) -> Option<(Baseline, &'static str)> {
        Some((self.baseline, BASELINE))
    }

    fn draws(&self) -> bool {
        true
    }

    fn check(&self, model: &Model, check: &mut Check<'_>) {
        check.within("method.gradient-shap.samples", self.samples.into(), 1.0, 10_000.0);
        check.within("method.gradient-shap.noise", self.noise, 0.0, 10.0);
        self.baseline.check(model, BASELINE, check);
    }
}
