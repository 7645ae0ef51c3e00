//! The settings of guided backpropagation.

use super::{Settings, Smooth};
use crate::stages::{Check, Model, declare::settings};

settings! {
    /// The gradient without negative signals at ReLUs (Springenberg et al. 2015).
    pub struct GuidedBackprop {
        /// A statistic over noisy copies of the image.
        smooth: Option<Smooth> = None;
    }
}

impl Settings for GuidedBackprop {
    fn draws(&self) -> bool {
        self.smooth.is_some()
    }

    fn has_rules(&self) -> bool {
        true
    }

    fn check(&self, _model: &Model, check: &mut Check<'_>) {
        self.smooth.iter().for_each(|smooth| smooth.check("guided-backprop", check));
    }
}
