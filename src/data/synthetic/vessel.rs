//! A venule in cross-section (lumen, wall, plump endothelial nuclei, red blood cells), and red blood cells
//! outside vessels.
//!
//! Does not know the tissue around the vessel.

use super::{
    canvas::{Canvas, Dye},
    cell::{Cell, Truth, paint_cells},
    grain::Grain,
    kinds::{CellKind, Style},
    math::{bump, smooth},
    outline::Outline,
    place::Place,
    random::Draw,
};

const LUMEN: Dye = Dye::new(0.02, 0.06);
const WALL: Dye = Dye::new(0.1, 0.65);
const RED_CELL: Dye = Dye::new(0.1, 1.25);

/// Paints a venule that roughly fills the place.
pub(super) fn paint(draw: &mut Draw, place: &Place, canvas: &mut Canvas, grain: &Grain) {
    let radius = (place.half.1 - 5.0).clamp(3.0, 7.0);
    let lumen = Outline::along(draw, place.anchor, radius, (draw_ratio(place), place.axis), 0.06);
    paint_wall(&lumen, canvas, grain);
    if draw.chance(0.5) {
        red_cells(draw, place.anchor, radius * 0.7, 5, canvas);
    }
    paint_cells(&endothelium(draw, &lumen), canvas, grain, Truth::Benign);
}

fn draw_ratio(place: &Place) -> f32 {
    place.half.0 / place.half.1
}

fn paint_wall(lumen: &Outline, canvas: &mut Canvas, grain: &Grain) {
    for (x, y) in Canvas::around(lumen.x, lumen.y, lumen.reach() + 6.0) {
        let distance = lumen.distance(x as f32, y as f32);
        let wall = WALL.scaled(1.0 + 0.25 * grain.coarse(x, y));
        canvas.cover(x, y, wall, 0.9 * smooth((5.0 - distance) / 2.0));
        canvas.cover(x, y, LUMEN, smooth(0.5 - distance / 1.5));
    }
}

fn endothelium(draw: &mut Draw, lumen: &Outline) -> Vec<Cell> {
    let style = Style::draw(draw);
    let count = 4 + draw.below(4);
    let cells = (0..count).map(|_| {
        let (c, s) = draw.direction();
        // Searches along a ray from the centre for the wall.
        let out = (0..40)
            .map(|step| step as f32 * 0.5)
            .find(|r| lumen.distance(lumen.x + c * r, lumen.y + s * r) > 1.6);
        let out = out.unwrap_or(lumen.radius);
        CellKind::Endothelial.draw(draw, (lumen.x + c * out, lumen.y + s * out), style, Some((-s, c)))
    });
    cells.collect()
}

/// Paints `count` red blood cells with centres within `spread` pixels of a point.
pub(super) fn red_cells(draw: &mut Draw, at: (f32, f32), spread: f32, count: u32, canvas: &mut Canvas) {
    for _ in 0..count {
        let (c, s) = draw.direction();
        let out = draw.unit().sqrt() * spread;
        let (radius, ratio) = (draw.between(2.3, 3.1), draw.between(1.0, 1.5));
        let outline = Outline::draw(draw, (at.0 + c * out, at.1 + s * out), radius, ratio, 0.05);
        for (x, y) in Canvas::around(outline.x, outline.y, outline.reach() + 1.0) {
            let distance = outline.distance(x as f32, y as f32);
            // Red blood cells are biconcave and so paler in the middle.
            let hollow = bump((distance + radius) * (distance + radius) / (radius * radius * 0.5));
            canvas.cover(x, y, RED_CELL.scaled(1.0 - 0.3 * hollow), 0.9 * smooth(0.5 - distance / 1.4));
        }
    }
}
