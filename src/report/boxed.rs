//! A patch with the box that its label describes: the centre 32x32, red with tumour in it, green without; and with
//! the outline of its true tumour, where that is known.

use imgref::ImgVec;

use super::{
    color::{Color, GREEN, INK, RED, TRUTH, WHITE},
    font::fitted,
    legend::{ENTRY, Entry, Mark},
    outline::outlines,
    scene::{Pen, Point, Rect, Scene},
};
use crate::metrics::{CENTRE_SIDE, PATCH_SIDE};

/// Draws a patch, or a map of it, over a square.
pub(super) fn boxed(scene: &mut Scene, pixels: ImgVec<[u8; 3]>, square: Rect, positive: bool) {
    scene.image(pixels, square);
    let margin = square.width * (PATCH_SIDE - CENTRE_SIDE) as f64 / 2.0 / PATCH_SIDE as f64;
    let centre = square.inset(margin);
    scene.frame(centre, Pen::new(Color { alpha: 0.7, ..WHITE }, 3.0));
    scene.frame(centre, Pen::new(color_of(positive), 1.5));
}

/// Outlines the true tumour of a patch, or of a map of it. A mask has 96x96 pixels; not 0 is tumour.
pub(super) fn outlined(scene: &mut Scene, mask: Option<&[u8]>, square: Rect) {
    let scale = square.width / PATCH_SIDE as f64;
    let place = |(x, y): Point| (square.left + x * scale, square.top + y * scale);
    for line in outlines(mask.unwrap_or_default(), PATCH_SIDE) {
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

/// The legend of the boxes.
pub(super) fn entries(classes: &[String; 2]) -> Vec<Entry> {
    let entry = |positive: bool, after: &str| {
        // Short enough for three entries beside the colour bar of the narrowest sheet.
        let name = fitted(&classes[usize::from(positive)], ENTRY.size, false, 90.0);
        Entry::new(Mark::Frame(Pen::new(color_of(positive), 1.8)), format!("label {name}{after}"))
    };
    vec![entry(false, " (centre box)"), entry(true, "")]
}
