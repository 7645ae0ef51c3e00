//! Draws a contact sheet: patches on a grid at twice their size, with the centre box coloured by label.
//!
//! Does not know files. `write.rs` saves the sheet.

use image::{Rgb, RgbImage};

use super::{
    canvas::SIDE,
    place::{CENTRE_END, CENTRE_START},
    recipe::Patch,
};

const SCALE: usize = 2;
/// Pixels between patches.
const GAP: usize = 4;
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const POSITIVE: Rgb<u8> = Rgb([214, 39, 40]);
const NEGATIVE: Rgb<u8> = Rgb([44, 160, 44]);

/// Draws the sheet with `columns` patches per row, at least 1. Without patches, only the margin is left.
pub(super) fn contact_sheet(patches: &[Patch], columns: usize) -> RgbImage {
    let columns = columns.max(1).min(patches.len());
    let step = SIDE * SCALE + GAP;
    let extent = |count: usize| (count * step + GAP).max(1) as u32;
    let rows = patches.len().div_ceil(columns.max(1));
    let mut sheet = RgbImage::from_pixel(extent(columns), extent(rows), PAPER);
    for (n, patch) in patches.iter().enumerate() {
        let at = (GAP + n % columns * step, GAP + n / columns * step);
        paint(&mut sheet, at, patch);
    }
    sheet
}

fn paint(sheet: &mut RgbImage, at: (usize, usize), patch: &Patch) {
    let label = if patch.label == 1 { POSITIVE } else { NEGATIVE };
    for (y, x) in (0..SIDE * SCALE).flat_map(|y| (0..SIDE * SCALE).map(move |x| (y, x))) {
        let first = (y / SCALE * SIDE + x / SCALE) * 3;
        let colour = if on_centre_box(x, y) {
            label
        } else {
            Rgb([patch.rgb[first], patch.rgb[first + 1], patch.rgb[first + 2]])
        };
        sheet.put_pixel((at.0 + x) as u32, (at.1 + y) as u32, colour);
    }
}

/// The line is just outside the box, so that it does not cover any part of it.
fn on_centre_box(x: usize, y: usize) -> bool {
    let (low, high) = (CENTRE_START * SCALE - 1, CENTRE_END * SCALE);
    let within = |c: usize| (low..=high).contains(&c);
    let on = |c: usize| c == low || c == high;
    (on(x) && within(y)) || (on(y) && within(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(label: u8) -> Patch {
        Patch { rgb: vec![100; SIDE * SIDE * 3], mask: vec![0; SIDE * SIDE], label, slide: 0 }
    }

    #[test]
    fn a_sheet_fits_all_patches_and_colours_boxes_by_label() {
        let sheet = contact_sheet(&[patch(0), patch(1), patch(0)], 2);
        assert_eq!(sheet.dimensions(), (2 * 196 + 4, 2 * 196 + 4));
        let corner = (4 + 64 - 1) as u32;
        assert_eq!(*sheet.get_pixel(corner, corner), NEGATIVE);
        assert_eq!(*sheet.get_pixel(corner + 196, corner), POSITIVE);
        assert_eq!(*sheet.get_pixel(4 + 20, 4 + 20), Rgb([100; 3]));
        assert_eq!(*sheet.get_pixel(corner + 196, corner + 196), PAPER);
    }

    #[test]
    fn no_patches_give_an_empty_sheet() {
        let sheet = contact_sheet(&[], 4);
        assert_eq!(sheet.dimensions(), (4, 4));
    }
}
