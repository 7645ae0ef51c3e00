//! A patch with the box that its label describes: the centre 32x32, red with tumour in it, green without.

use image::RgbImage;

use super::{
    color::{Color, GREEN, RED, WHITE},
    font::fitted,
    legend::{ENTRY, Entry, Mark},
    scene::{Pen, Rect, Scene},
};
use crate::metrics::{CENTRE_SIDE, PATCH_SIDE};

/// Draws a patch, or a map of it, over a square.
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

/// The legend of the boxes.
pub(super) fn entries(classes: &[String; 2]) -> Vec<Entry> {
    let entry = |positive: bool, after: &str| {
        // Short enough for three entries beside the colour bar of the narrowest sheet.
        let name = fitted(&classes[usize::from(positive)], ENTRY.size, false, 90.0);
        Entry::new(Mark::Frame(Pen::new(color_of(positive), 1.8)), format!("label {name}{after}"))
    };
    vec![entry(false, " (centre box)"), entry(true, "")]
}
