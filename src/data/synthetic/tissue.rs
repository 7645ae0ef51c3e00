//! The background: pink tissue with white clefts, and the lymphocytes in it.

use super::{
    canvas::{Canvas, pixels},
    cell::{self, Cell, LYMPHOCYTE},
    math::smooth,
};
use crate::data::{PATCH_SIDE, draw::Draw};

/// Covers the canvas, with cells where `free` allows them. Density, colour and clefts vary so much from patch to
/// patch that the mean colour of a patch says little about its centre.
pub(super) fn paint(draw: &mut Draw, canvas: &mut Canvas, free: impl Fn((f32, f32)) -> bool) {
    let (density, eosin, open) = (draw.between(0.1, 1.1), draw.between(0.25, 0.6), draw.between(-0.5, 0.4));
    for pixel in pixels() {
        let strands = canvas.grain(pixel, 7.0);
        let texture = 1.0 + 0.4 * strands + 0.3 * canvas.grain(pixel, 1.1);
        let left = 1.0 - 0.93 * cleft(canvas, pixel, open);
        canvas.cover(pixel, [left * (0.16 + 0.1 * strands), left * eosin * texture], 1.0);
    }
    let cells = scatter(draw, canvas, density, free);
    cell::paint(&cells, canvas);
}

/// How empty the glass is at a pixel, from 0 to 1.
fn cleft(canvas: &Canvas, (x, y): (i32, i32), open: f32) -> f32 {
    let noise = |size: f32, shift: f32| canvas.noise.at(x as f32 / size + shift, y as f32 / size);
    smooth((0.5 * noise(21.0, 20.0) + 0.3 * noise(8.0, 40.0) + 0.25 * noise(3.0, 5.0) + open) / 0.35 + 0.5)
}

fn scatter(draw: &mut Draw, canvas: &Canvas, density: f32, free: impl Fn((f32, f32)) -> bool) -> Vec<Cell> {
    let edge = PATCH_SIDE as f32 + 4.0;
    let mut cells: Vec<Cell> = Vec::new();
    for _ in 0..900 {
        let at = (draw.between(-4.0, edge), draw.between(-4.0, edge));
        let crowded = density + 0.5 * canvas.noise.at(at.0 / 23.0 + 50.0, at.1 / 23.0);
        let cell = Cell::new(draw, &LYMPHOCYTE, at);
        if draw.chance(crowded) && free(at) && cells.iter().all(|other| other.leaves_room(at)) {
            cells.push(cell);
        }
    }
    cells
}
