//! The settings of saliency.

use super::{Settings, Smooth};
use crate::stages::{Check, Model, declare::settings};

settings! {
    /// The largest gradient of each pixel (Simonyan et al. 2014).
    pub struct Saliency {
        /// The mean over noisy copies of the image (SmoothGrad, Smilkov et al. 2017), or another statistic of them.
        smooth: Option<Smooth> = None;
    }
}

impl Settings for Saliency {
    fn draws(&self) -> bool {
        self.smooth.is_some()
    }

    fn check(&self, _model: &Model, check: &mut Check<'_>) {
        self.smooth.iter().for_each(|smooth| smooth.check("saliency", check));
    }
}
