//! How images are normalised for a network that needs it.

use super::{Check, declare::settings};

settings! {
    /// Channels are normalised as (x - mean) / std before the first layer, x in [0, 1]; red, green, blue. For networks
    /// that were trained like this; ImageNet weights have mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225].
    /// Everything else, maps and gradients too, is about the image itself.
    pub struct Normalise {
        /// Subtracted from each channel.
        mean: [f64; 3];
        /// Then each channel is divided by it; above 0.
        std: [f64; 3];
    }
}

impl Normalise {
    /// Checks the values of a stage that has some.
    pub(super) fn check(of_stage: Option<&Self>, check: &mut Check<'_>) {
        let Some(Self { mean, std }) = of_stage else { return };
        let of_images = mean.iter().all(|mean| (0.0..=1.0).contains(mean));
        let message =
            "`mean` must be a number from 0 to 1 for each channel, because images have values from 0 to 1";
        check.require(of_images, "normalise.mean", message);
        std.iter().for_each(|std| check.positive("normalise.std", *std));
    }
}
