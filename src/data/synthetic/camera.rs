//! Simulates the scanner: light through the section, blur, sharpening, noise and rounding to 8 bits.
//!
//! Does not know tissue or cells, only the amount of dye in each pixel.

use super::{
    canvas::{Canvas, MARGIN, SIDE, WIDE},
    math::exp,
    noise::Lattice,
    random::Draw,
    stain::Stain,
};

/// The scanned patch, [96, 96, 3] uint8.
pub(super) fn scan(draw: &mut Draw, canvas: &Canvas, stain: &Stain) -> Vec<u8> {
    let light = transmit(draw, canvas, stain);
    // Focus varies slightly between patches. A few patches are out of focus.
    let defocus = if draw.chance(0.06) { draw.between(0.3, 0.6) } else { draw.between(0.0, 0.15) };
    let sharp = blur(&light, stain.blur + defocus);
    let soft = blur(&sharp, 0.9);
    let pixel = |x: usize, y: usize| (y + MARGIN as usize) * WIDE + x + MARGIN as usize;
    let mut rgb = Vec::with_capacity(SIDE * SIDE * 3);
    for at in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| pixel(x, y))) {
        let common = draw.around(0.0, stain.noise);
        for c in 0..3 {
            let sharpened = sharp[at][c] + stain.sharpening * (sharp[at][c] - soft[at][c]);
            rgb.push((sharpened + common + draw.between(-1.5, 1.5) + 0.5) as u8);
        }
    }
    rgb
}

/// The light that passes through the section. The thickness of the section varies.
fn transmit(draw: &mut Draw, canvas: &Canvas, stain: &Stain) -> Vec<[f32; 3]> {
    let lattice = Lattice::draw(draw);
    let mean = draw.around(1.0, 0.06);
    let lit = Canvas::pixels().zip(canvas.rows()).map(|((x, y), &dye)| {
        let thickness = mean * (1.0 + 0.1 * lattice.at(x as f32 / 27.0, y as f32 / 27.0));
        stain.colour(dye, thickness)
    });
    lit.collect()
}

/// Separable Gaussian blur with a radius of 3 pixels. Border pixels are replicated.
fn blur(image: &[[f32; 3]], sd: f32) -> Vec<[f32; 3]> {
    let raw = [0.0f32, 1.0, 2.0, 3.0].map(|distance| exp(-distance * distance / (2.0 * sd * sd)));
    let total = raw[0] + 2.0 * (raw[1] + raw[2] + raw[3]);
    let weights = raw.map(|weight| weight / total);
    let rows = pass(image, weights, |at, step| {
        at - at % WIDE + (at % WIDE).saturating_add_signed(step).min(WIDE - 1)
    });
    pass(&rows, weights, |at, step| (at / WIDE).saturating_add_signed(step).min(WIDE - 1) * WIDE + at % WIDE)
}

/// One direction of the blur.
fn pass(image: &[[f32; 3]], weights: [f32; 4], neighbour: impl Fn(usize, isize) -> usize) -> Vec<[f32; 3]> {
    let blurred = (0..image.len()).map(|at| {
        let mut sum = image[at].map(|value| value * weights[0]);
        for (step, weight) in (1..).zip(&weights[1..]) {
            let (before, after) = (image[neighbour(at, -step)], image[neighbour(at, step)]);
            (0..3).for_each(|c| sum[c] += weight * (before[c] + after[c]));
        }
        sum
    });
    blurred.collect()
}
