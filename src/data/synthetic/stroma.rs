//! Connective tissue: a band of wavy collagen fibres with spindle-shaped nuclei, as in capsule or trabeculae.
//!
//! Does not know the other tissue of the patch.

use super::{
    canvas::{Canvas, Dye, SIDE},
    cell::{Truth, paint_cells},
    grain::Grain,
    kinds::{CellKind, Style},
    math::{mix, smooth},
    noise::Lattice,
    random::Draw,
};

/// A wavy band through the patch.
pub(super) struct Band {
    middle: (f32, f32),
    /// Direction of the fibres.
    axis: (f32, f32),
    half_width: f32,
    /// Looseness of the fibres: 0 is dense and pink, 1 has white gaps.
    loose: f32,
    eosin: f32,
    waves: Lattice,
}

impl Band {
    /// Draws a band anywhere in the patch, from a thin septum to nearly the whole patch.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let side = SIDE as f32;
        Self {
            middle: (draw.between(0.0, side), draw.between(0.0, side)),
            axis: draw.direction(),
            half_width: draw.pick(&[(0.4, 4.0), (0.3, 12.0), (0.3, 34.0)]) * draw.between(0.7, 1.3),
            loose: draw.unit(),
            eosin: draw.between(0.4, 0.75),
            waves: Lattice::draw(draw),
        }
    }

    /// Coordinates along and across the wavy fibres.
    fn coordinates(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = (x - self.middle.0, y - self.middle.1);
        let along = dx * self.axis.0 + dy * self.axis.1;
        let across = dy * self.axis.0 - dx * self.axis.1;
        let wave = 7.0 * self.waves.at(along / 30.0, across / 60.0)
            + 2.0 * self.waves.at(along / 9.0 + 20.0, across / 18.0);
        (along, across + wave)
    }

    /// The share of the pixel that belongs to the band, 0..1.
    pub(super) fn share(&self, x: f32, y: f32) -> f32 {
        let (_, across) = self.coordinates(x, y);
        smooth((self.half_width - across.abs()) / 3.0 + 0.5)
    }

    /// Paints fibres and spindle-shaped nuclei on the canvas.
    pub(super) fn paint(&self, draw: &mut Draw, canvas: &mut Canvas, grain: &Grain) {
        for (x, y) in Canvas::pixels() {
            let (along, across) = self.coordinates(x as f32, y as f32);
            let share = smooth((self.half_width - across.abs()) / 3.0 + 0.5);
            if share > 0.0 {
                canvas.cover(x, y, self.fibre(along, across).scaled(1.0 + 0.2 * grain.fine(x, y)), share);
            }
        }
        self.spindles(draw, canvas, grain);
    }

    /// Fibres follow the zero lines of a noise field that is stretched along the band.
    fn fibre(&self, along: f32, across: f32) -> Dye {
        let ridge = 1.0 - self.waves.at(along / 24.0 + 40.0, across / 1.8).abs();
        let strand = self.waves.at(along / 34.0 + 9.0, across / 4.5 + 30.0);
        let open = smooth((strand + self.loose - 0.75) / 0.5);
        let eosin = self.eosin * mix(0.45, 1.25, ridge * ridge) * mix(1.0, 0.12, open);
        Dye::new(0.1 * (1.0 - open), eosin)
    }

    fn spindles(&self, draw: &mut Draw, canvas: &mut Canvas, grain: &Grain) {
        let style = Style::draw(draw);
        let tries = (self.half_width * 1.6) as u32 + 5;
        let cells = (0..tries).filter_map(|_| {
            let at = (draw.between(-4.0, SIDE as f32 + 4.0), draw.between(-4.0, SIDE as f32 + 4.0));
            let tilt = draw.around(0.0, 0.15);
            let axis = (self.axis.0 - self.axis.1 * tilt, self.axis.1 + self.axis.0 * tilt);
            let length = (axis.0 * axis.0 + axis.1 * axis.1).sqrt();
            let cell = CellKind::Spindle.draw(draw, at, style, Some((axis.0 / length, axis.1 / length)));
            (self.share(at.0, at.1) > 0.7).then_some(cell)
        });
        let cells: Vec<_> = cells.collect();
        paint_cells(&cells, canvas, grain, Truth::Benign);
    }
}
