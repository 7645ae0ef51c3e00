//! Random changes of the training patches, under torchvision's names.
//!
//! Only those that keep the centre box in the centre, because the label is about that box: no crops, no shifts, no
//! rotations by other angles.

use crate::stages::{Check, declare::settings};

settings! {
    /// Random changes of each training patch, drawn by seed, absolute epoch and position of the patch. The order:
    /// flips, turns, then brightness, contrast, saturation and hue in a random order.
    pub struct Augmentation {
        /// Probability of a flip left to right (`RandomHorizontalFlip`).
        horizontal_flip: f64 = 0.0;
        /// Probability of a flip top to bottom (`RandomVerticalFlip`).
        vertical_flip: f64 = 0.0;
        /// Whether to turn by 0, 90, 180 or 270 degrees with equal probability.
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
