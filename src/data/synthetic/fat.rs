//! Places and paints fat cells: large empty vacuoles with a thin pink wall.
//!
//! Does not know what fills the places, only that fat must not cover them.

use super::{
    canvas::{Canvas, Dye, SIDE},
    math::{bump, smooth},
    outline::Outline,
    place::Place,
    random::Draw,
};

const EMPTY: Dye = Dye::new(0.015, 0.03);
const WALL: Dye = Dye::new(0.3, 0.75);

/// Draws up to `count` vacuoles that do not touch the places. There are fewer if there is no room.
pub(super) fn draw(draw: &mut Draw, count: u32, places: &[Place]) -> Vec<Outline> {
    let mut vacuoles: Vec<Outline> = Vec::new();
    for _ in 0..count * 8 {
        let range = (-20.0, SIDE as f32 + 20.0);
        let at = (draw.between(range.0, range.1), draw.between(range.0, range.1));
        let (radius, ratio) = (draw.between(11.0, 28.0), draw.between(1.0, 1.25));
        let outline = Outline::draw(draw, at, radius, ratio, 0.025);
        let free = places.iter().all(|p| gap(at, p.centre) > outline.reach() + p.half.0 + 1.0)
            && vacuoles.iter().all(|v| gap(at, (v.x, v.y)) > outline.reach() + v.reach() - 1.0);
        if free && vacuoles.len() < count as usize {
            vacuoles.push(outline);
        }
    }
    vacuoles
}

/// The distance between two points.
fn gap(a: (f32, f32), b: (f32, f32)) -> f32 {
    ((a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1)).sqrt()
}

/// Paints the vacuoles over the tissue.
pub(super) fn paint(vacuoles: &[Outline], canvas: &mut Canvas) {
    for vacuole in vacuoles {
        for (x, y) in Canvas::around(vacuole.x, vacuole.y, vacuole.reach() + 3.0) {
            let distance = vacuole.distance(x as f32, y as f32);
            canvas.cover(x, y, EMPTY, smooth(0.5 - distance / 1.6));
            canvas.cover(x, y, WALL, 0.8 * bump((distance - 0.8) * (distance - 0.8) / 2.2));
        }
    }
}
