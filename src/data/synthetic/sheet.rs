//! A contact sheet: patches side by side, twice their size, the centre box coloured by the label.

use image::{Rgb, RgbImage};

use super::{canvas::CENTRE, recipe::Patch};
use crate::data::PATCH_SIDE;

/// Patches in a row.
const COLUMNS: usize = 8;
const SCALE: usize = 2;
/// Pixels between patches.
const GAP: usize = 4;
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const POSITIVE: Rgb<u8> = Rgb([214, 39, 40]);
const NEGATIVE: Rgb<u8> = Rgb([44, 160, 44]);

/// Draws patches in rows of 8.
pub(super) fn contact_sheet(patches: &[Patch]) -> RgbImage {
    let step = PATCH_SIDE * SCALE + GAP;
    let extent = |count: usize| (count * step + GAP) as u32;
    let (columns, rows) = (COLUMNS.min(patches.len()), patches.len().div_ceil(COLUMNS));
    let mut sheet = RgbImage::from_pixel(extent(columns), extent(rows), PAPER);
    for (n, patch) in patches.iter().enumerate() {
        paint(&mut sheet, GAP + n % COLUMNS * step, GAP + n / COLUMNS * step, patch);
    }
    sheet
}

fn paint(sheet: &mut RgbImage, left: usize, top: usize, patch: &Patch) {
    let side = PATCH_SIDE * SCALE;
    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
        let at = (y / SCALE * PATCH_SIDE + x / SCALE) * 3;
        let colour = match (is_on_box(x, y), patch.label) {
            (true, 1) => POSITIVE,
            (true, _) => NEGATIVE,
            (false, _) => Rgb([patch.rgb[at], patch.rgb[at + 1], patch.rgb[at + 2]]),
        };
        sheet.put_pixel((left + x) as u32, (top + y) as u32, colour);
    }
}

/// The line runs just outside the box, so that it hides none of it.
fn is_on_box(x: usize, y: usize) -> bool {
    let (low, high) = (CENTRE.0 * SCALE - 1, CENTRE.1 * SCALE);
    let within = |c: usize| (low..=high).contains(&c);
    let on = |c: usize| c == low || c == high;
    (on(x) && within(y)) || (on(y) && within(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_room_for_all_patches_and_colours_boxes_by_label() {
        let patch = |n: u8| {
            let rgb = vec![100; PATCH_SIDE * PATCH_SIDE * 3];
            Patch { rgb, mask: vec![], label: n % 2, slide: 0 }
        };
        let patches: Vec<Patch> = (0..9).map(patch).collect();
        let sheet = contact_sheet(&patches);
        assert_eq!(sheet.dimensions(), (8 * 196 + 4, 2 * 196 + 4));
        let corner = (4 + 64 - 1) as u32;
        assert_eq!(*sheet.get_pixel(corner, corner), NEGATIVE);
        assert_eq!(*sheet.get_pixel(corner + 196, corner), POSITIVE);
        assert_eq!(*sheet.get_pixel(4 + 20, 4 + 20), Rgb([100; 3]));
        assert_eq!(*sheet.get_pixel(corner + 196, corner + 196), PAPER);
    }
}
