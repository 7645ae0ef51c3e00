//! A contact sheet: patches side by side, twice their size, the centre box coloured by the label.

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
const TRUTH: Rgb<u8> = Rgb([255, 214, 0]);

/// What to draw over the patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetOptions {
    /// Outlines the centre box: red for positive, green for negative patches.
    pub centre_box: bool,
    /// Outlines the tumour mask in yellow.
    pub mask: bool,
}

/// The sheet, `columns` (at least 1) patches a row; an empty margin for no patches.
///
/// # Panics
/// If a patch does not hold 96x96 pixels.
#[must_use]
pub fn contact_sheet(patches: &[Patch], columns: usize, options: SheetOptions) -> RgbImage {
    let columns = columns.max(1).min(patches.len());
    let step = SIDE * SCALE + GAP;
    let extent = |count: usize| (count * step + GAP).max(1) as u32;
    let rows = patches.len().div_ceil(columns.max(1));
    let mut sheet = RgbImage::from_pixel(extent(columns), extent(rows), PAPER);
    for (n, patch) in patches.iter().enumerate() {
        let at = (GAP + n % columns * step, GAP + n / columns * step);
        paint(&mut sheet, at, patch, options);
    }
    sheet
}

fn paint(sheet: &mut RgbImage, at: (usize, usize), patch: &Patch, options: SheetOptions) {
    let label = if patch.label == 1 { POSITIVE } else { NEGATIVE };
    for (y, x) in (0..SIDE * SCALE).flat_map(|y| (0..SIDE * SCALE).map(move |x| (y, x))) {
        let first = (y / SCALE * SIDE + x / SCALE) * 3;
        let colour = if options.centre_box && on_centre_box(x, y) {
            label
        } else if options.mask && on_mask_edge(patch, x, y) {
            TRUTH
        } else {
            Rgb([patch.rgb[first], patch.rgb[first + 1], patch.rgb[first + 2]])
        };
        sheet.put_pixel((at.0 + x) as u32, (at.1 + y) as u32, colour);
    }
}

/// The line runs just outside the box, so that it hides none of it.
fn on_centre_box(x: usize, y: usize) -> bool {
    let (low, high) = (CENTRE_START * SCALE - 1, CENTRE_END * SCALE);
    let within = |c: usize| (low..=high).contains(&c);
    let on = |c: usize| c == low || c == high;
    (on(x) && within(y)) || (on(y) && within(x))
}

/// Pixels just outside the mask.
fn on_mask_edge(patch: &Patch, x: usize, y: usize) -> bool {
    let inside = |x: usize, y: usize| {
        let (column, row) = (x / SCALE, y / SCALE);
        column < SIDE && row < SIDE && patch.mask[row * SIDE + column] == 1
    };
    let left = x.wrapping_sub(1);
    let above = y.wrapping_sub(1);
    !inside(x, y) && (inside(x + 1, y) || inside(x, y + 1) || inside(left, y) || inside(x, above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(label: u8) -> Patch {
        let mut mask = vec![0; SIDE * SIDE];
        mask[10 * SIDE + 10] = 1;
        Patch { rgb: vec![100; SIDE * SIDE * 3], mask, label, slide: 0 }
    }

    #[test]
    fn a_sheet_has_room_for_all_patches_and_colours_boxes_by_label() {
        let options = SheetOptions { centre_box: true, mask: true };
        let sheet = contact_sheet(&[patch(0), patch(1), patch(0)], 2, options);
        assert_eq!(sheet.dimensions(), (2 * 196 + 4, 2 * 196 + 4));
        let corner = (4 + 64 - 1) as u32;
        assert_eq!(*sheet.get_pixel(corner, corner), NEGATIVE);
        assert_eq!(*sheet.get_pixel(corner + 196, corner), POSITIVE);
        assert_eq!(*sheet.get_pixel(4 + 20, 4 + 19), TRUTH);
        assert_eq!(*sheet.get_pixel(4 + 20, 4 + 20), Rgb([100; 3]));
        assert_eq!(*sheet.get_pixel(corner + 196, corner + 196), PAPER);
    }

    #[test]
    fn no_patches_give_an_empty_sheet() {
        let sheet = contact_sheet(&[], 4, SheetOptions { centre_box: true, mask: false });
        assert_eq!(sheet.dimensions(), (4, 4));
    }
}
