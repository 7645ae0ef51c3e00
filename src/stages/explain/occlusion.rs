//! The settings of occlusion.

use super::Settings;
use crate::{
    side::Side,
    stages::{Baseline, Check, Model, declare::settings},
};

/// The place of its baseline in a stage's table.
const BASELINE: &str = "method.occlusion.baseline";

settings! {
    /// The loss of score when a window hides part of the image (Zeiler & Fergus 2014).
    pub struct Occlusion {
        /// Side of the window in pixels, 1 to that of the patches.
        window: u32 = 16;
        /// Pixels from one window to the next; at most the window, so that every pixel is covered.
        stride: u32 = 8;
        /// What replaces the window.
        baseline: Baseline = Baseline::Black;
    }
}

impl Settings for Occlusion {
    fn baseline(&self) -> Option<(Baseline, &'static str)> {
        Some((self.baseline, BASELINE))
    }

    fn check(&self, model: &Model, check: &mut Check<'_>) {
        let Self { window, stride, baseline } = *self;
        check.within("method.occlusion.window", window.into(), 1.0, Side::MOST as f64);
        check.at_least("method.occlusion.stride", stride, 1);
        check.require(
            stride <= window,
            "method.occlusion.stride",
            format!(
                "`stride` is {stride} and `window` {window}: pixels between the windows would never be hidden; \
                 the stride must be at most the window"
            ),
        );
        baseline.check(model, BASELINE, check);
    }
}
