//! A patch with a frame around what its label describes, red with tumour in it, green without; and with the outline of
//! its true tumour, where that is known.

use imgref::ImgVec;

use super::{
    color::{Color, GREEN, INK, RED, TRUTH, WHITE},
    font::fitted,
    legend::{ENTRY, Entry, Mark},
    outline::outlines,
    scene::{Pen, Point, Rect, Scene},
};
use crate::side::Side;

/// Draws a patch, or a map of it, over a square. The frame is around the centre box, so many pixels wide, or, without
/// one, around the patch.
pub(super) fn boxed(
    scene: &mut Scene,
    pixels: ImgVec<[u8; 3]>,
    square: Rect,
    positive: bool,
    centre_box: Option<usize>,
) {
    let side = pixels.width();
    scene.image(pixels, square);
    let length = centre_box.unwrap_or(side).min(side);
    // Not on the very edge, where half of the line would be outside.
    let margin = (square.width * (side - length) as f64 / 2.0 / side as f64).max(1.5);
    let frame = square.inset(margin);
    scene.frame(frame, Pen::new(Color { alpha: 0.7, ..WHITE }, 3.0));
    scene.frame(frame, Pen::new(color_of(positive), 1.5));
}

/// Outlines the true tumour of a patch, or of a map of it. A mask has a byte for each pixel; not 0 is tumour.
pub(super) fn outlined(scene: &mut Scene, mask: Option<&[u8]>, square: Rect) {
    let Some((mask, side)) = mask.and_then(|mask| Some((mask, Side::of_square(mask.len())?))) else { return };
    let scale = square.width / side.get() as f64;
    let place = |(x, y): Point| (square.left + x * scale, square.top + y * scale);
    for line in outlines(mask, side.get()) {
        let line: Vec<Point> = line.into_iter().map(place).collect();
        scene.outline(line.clone(), Pen::new(Color { alpha: 0.55, ..INK }, 2.2));
        scene.outline(line, Pen::new(TRUTH, 1.1));
    }
}

/// The legend of the outlines, if there is a mask.
pub(super) fn truth<'a>(masks: impl IntoIterator<Item = Option<&'a [u8]>>) -> Option<Entry> {
    let any = masks.into_iter().any(|mask| mask.is_some());
    any.then(|| Entry::new(Mark::Outline(TRUTH), "true tumour"))
}

/// The colour of a label.
pub(super) fn color_of(positive: bool) -> Color {
    if positive { RED } else { GREEN }
}

/// The legend of the frames.
pub(super) fn entries(classes: &[String; 2], centre_box: Option<usize>) -> Vec<Entry> {
    let entry = |positive: bool, after: &str| {
        // Short enough for three entries beside the colour bar of the narrowest sheet.
        let name = fitted(&classes[usize::from(positive)], ENTRY.size, false, 90.0);
        Entry::new(Mark::Frame(Pen::new(color_of(positive), 1.8)), format!("label {name}{after}"))
    };
    let around = if centre_box.is_some() { " (centre box)" } else { " (whole patch)" };
    vec![entry(false, around), entry(true, "")]
}
