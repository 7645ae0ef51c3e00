//! A patch with the box that its label speaks of: the centre 32x32, red where there is tumour in it,
//! green where there is none.

use image::RgbImage;

use super::{
    color::{Color, GREEN, RED, WHITE},
    scene::{Pen, Rect, Scene},
};
use crate::metrics::{CENTRE_SIDE, PATCH_SIDE};

/// Draws a patch, or a map in its place, over a square.
pub(super) fn boxed(scene: &mut Scene, pixels: RgbImage, square: Rect, positive: bool) {
    scene.image(pixels, square);
    let margin = square.width * (PATCH_SIDE - CENTRE_SIDE) as f64 / 2.0 / PATCH_SIDE as f64;
    let centre = square.inset(margin);
    scene.frame(centre, Pen::new(Color { alpha: 0.7, ..WHITE }, 3.0));
    scene.frame(centre, Pen::new(color_of(positive), 1.5));
}

/// The colour of a label.
pub(super) fn color_of(positive: bool) -> Color {
    if positive { RED } else { GREEN }
}
