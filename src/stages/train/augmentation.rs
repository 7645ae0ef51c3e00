//! Seeded changes of the training patches, under torchvision's names.
//!
//! Only those that keep the centre box on the centre, because the label speaks of that box alone: no
//! crops, no shifts, no free rotations.

use crate::stages::{Check, declare::settings};

settings! {
    /// What is done to each training patch, drawn anew for every epoch from the seed, the absolute epoch
    /// and the patch's position alone. In this order: mirrored, turned, then brightness, contrast,
    /// saturation and hue in an order that is drawn, too.
    pub struct Augmentation {
        /// Probability of mirroring left and right (`RandomHorizontalFlip`).
        horizontal_flip: f64 = 0.0;
        /// Probability of mirroring top and bottom (`RandomVerticalFlip`).
        vertical_flip: f64 = 0.0;
        /// Whether to turn by 0, 90, 180 or 270 degrees, each as likely.
        quarter_turns: bool = false;
        /// A factor from `[1 - brightness, 1 + brightness]` (`ColorJitter`).
        brightness: f64 = 0.0;
        /// A factor from `[1 - contrast, 1 + contrast]` (`ColorJitter`).
        contrast: f64 = 0.0;
        /// A factor from `[1 - saturation, 1 + saturation]` (`ColorJitter`).
        saturation: f64 = 0.0;
        /// A shift from `[-hue, hue]` of the colour circle, which is 1 around (`ColorJitter`).
        hue: f64 = 0.0;
    }
}

impl Augmentation {
    pub(super) fn check(&self, check: &mut Check<'_>) {
        let most = [
            ("horizontal-flip", self.horizontal_flip, 1.0),
            ("vertical-flip", self.vertical_flip, 1.0),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("saturation", self.saturation, 1.0),
            ("hue", self.hue, 0.5),
        ];
        for (field, value, most) in most {
            check.within(&format!("augmentation.{field}"), value, 0.0, most);
        }
    }
}
