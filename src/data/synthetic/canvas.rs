//! The section while it is drawn: the amount of each dye in every pixel, and where tumour is.

use super::math::{Noise, mix};
use crate::data::{MASK_BYTES, PATCH_SIDE, draw::Draw};

/// Amounts of hematoxylin and eosin, as optical densities. Hematoxylin stains nuclei (2 is dark), eosin stains
/// everything else (0.4 is pale).
pub(super) type Dyes = [f32; 2];

/// Width and height of a patch.
const SIDE: i32 = PATCH_SIDE as i32;
/// The centre box holds the pixels from `CENTRE.0` to `CENTRE.1` - 1 in both directions.
pub(super) const CENTRE: (usize, usize) = (32, 64);

/// A section of 96 x 96 pixels.
pub(super) struct Canvas {
    pub(super) dyes: Vec<Dyes>,
    /// 1 where a tumour cell is.
    pub(super) mask: Vec<u8>,
    /// The source of all texture.
    pub(super) noise: Noise,
}

impl Canvas {
    pub(super) fn new(draw: &mut Draw) -> Self {
        Self { dyes: vec![[0.0; 2]; MASK_BYTES], mask: vec![0; MASK_BYTES], noise: Noise::new(draw) }
    }

    /// Paints `dyes` over a pixel; a `share` of 1 hides what was there.
    pub(super) fn cover(&mut self, (x, y): (i32, i32), dyes: Dyes, share: f32) {
        let pixel = &mut self.dyes[(y * SIDE + x) as usize];
        *pixel = [0, 1].map(|dye| mix(pixel[dye], dyes[dye], share));
    }

    /// Marks a pixel as tumour.
    pub(super) fn mark(&mut self, (x, y): (i32, i32)) {
        self.mask[(y * SIDE + x) as usize] = 1;
    }

    /// Noise at a pixel: `size` is the size of its grains in pixels.
    pub(super) fn grain(&self, (x, y): (i32, i32), size: f32) -> f32 {
        self.noise.at(x as f32 / size, y as f32 / size)
    }
}

/// All pixels, row by row.
pub(super) fn pixels() -> impl Iterator<Item = (i32, i32)> {
    (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)))
}

/// The pixels of the patch in a square around (x, y).
pub(super) fn pixels_around(x: f32, y: f32, reach: f32) -> impl Iterator<Item = (i32, i32)> {
    let span = move |middle: f32| ((middle - reach) as i32).max(0)..((middle + reach) as i32 + 2).min(SIDE);
    span(y).flat_map(move |y| span(x).map(move |x| (x, y)))
}

/// How far (x, y) is from the centre box; 0 inside.
pub(super) fn centre_distance(x: f32, y: f32) -> f32 {
    let beyond = |c: f32| (CENTRE.0 as f32 - c).max(c - (CENTRE.1 - 1) as f32).max(0.0);
    (beyond(x) * beyond(x) + beyond(y) * beyond(y)).sqrt()
}
