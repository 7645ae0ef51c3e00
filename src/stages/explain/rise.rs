//! The settings of RISE.

use super::Settings;
use crate::stages::{Check, Model, declare::settings};

settings! {
    /// The mean score of the random masks that show a pixel (Petsiuk et al. 2018).
    pub struct Rise {
        /// Random masks, each with a forward pass per image. All images of a stage have the same.
        masks: u32 = 4000;
        /// Cells of a mask along each axis; each is shown or hidden as a whole, with soft borders.
        cells: u32 = 7;
        /// The probability that a cell is shown.
        probability: f64 = 0.5;
    }
}

impl Settings for Rise {
    fn draws(&self) -> bool {
        true
    }

    fn check(&self, _model: &Model, check: &mut Check<'_>) {
        check.within("method.rise.masks", self.masks.into(), 1.0, 100_000.0);
        check.within("method.rise.cells", self.cells.into(), 1.0, 32.0);
        check.within("method.rise.probability", self.probability, 0.01, 0.99);
    }
}
