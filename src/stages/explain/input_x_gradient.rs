//! The settings of input x gradient.

use super::{Settings, Smooth};
use crate::stages::{Check, Model, declare::settings};

settings! {
    /// The gradient times the image (Shrikumar et al. 2016).
    pub struct InputXGradient {
        /// A statistic over noisy copies of the image.
        smooth: Option<Smooth> = None;
    }
}

impl Settings for InputXGradient {
    fn draws(&self) -> bool {
        self.smooth.is_some()
    }

    fn check(&self, _model: &Model, check: &mut Check<'_>) {
        self.smooth.iter().for_each(|smooth| smooth.check("input-x-gradient", check));
    }
}
