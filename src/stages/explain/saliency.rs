//! The settings of saliency and SmoothGrad.

use crate::stages::{Check, declare::settings};

settings! {
    /// The largest gradient of each pixel (Simonyan et al. 2014).
    pub struct Saliency {
        /// The mean over noisy copies of the image (SmoothGrad, Smilkov et al. 2017).
        smooth: Option<Smooth> = None;
    }
}

settings! {
    /// SmoothGrad, with the defaults of its authors' code.
    pub struct Smooth {
        /// Noisy copies of each image.
        samples: u32 = 25;
        /// Standard deviation of the noise, as a share of the image's largest minus its smallest value.
        noise: f64 = 0.15;
    }
}

impl Saliency {
    pub(super) fn check(&self, check: &mut Check<'_>) {
        let Some(smooth) = &self.smooth else { return };
        check.within("method.saliency.smooth.samples", smooth.samples.into(), 1.0, 10_000.0);
        check.within("method.saliency.smooth.noise", smooth.noise, 0.0, 10.0);
    }
}
