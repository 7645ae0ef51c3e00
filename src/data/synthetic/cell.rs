//! Cells: the kinds that there are, and how one is drawn.

use super::{
    canvas::{Canvas, centre_distance, pixels_around},
    math::{bump, smooth},
};
use crate::data::draw::Draw;

/// What cells of a kind look like. Lengths are in pixels, stains are amounts of dye.
#[derive(Debug)]
pub(super) struct Kind {
    /// Radius of the nucleus.
    pub(super) radius: f32,
    /// Length of the nucleus over its width, at most.
    pub(super) elongation: f32,
    /// How far the outline of the nucleus departs from an ellipse.
    pub(super) irregularity: f32,
    /// Hematoxylin in the nucleus, on average.
    pub(super) nucleus: f32,
    /// Hematoxylin added along the edge of the nucleus.
    pub(super) rim: f32,
    /// How uneven the nucleus is, relative to `nucleus`.
    pub(super) clumps: f32,
    /// Hematoxylin added in a nucleolus.
    pub(super) nucleolus: f32,
    /// Width of the cytoplasm around the nucleus.
    pub(super) cytoplasm: f32,
    /// Eosin in the cytoplasm.
    pub(super) eosin: f32,
    /// Whether the mask marks these cells.
    pub(super) tumor: bool,
}

/// Small, round, dark.
pub(super) const LYMPHOCYTE: Kind = Kind {
    radius: 3.1,
    elongation: 1.3,
    irregularity: 0.3,
    nucleus: 2.0,
    rim: 0.3,
    clumps: 0.5,
    nucleolus: 0.0,
    cytoplasm: 0.0,
    eosin: 0.3,
    tumor: false,
};
/// Cells of a germinal centre: round, a little larger and paler than lymphocytes.
pub(super) const CENTROBLAST: Kind = Kind {
    radius: 3.9,
    elongation: 1.3,
    irregularity: 0.4,
    nucleus: 1.0,
    rim: 0.5,
    clumps: 0.6,
    nucleolus: 0.0,
    cytoplasm: 1.2,
    eosin: 0.4,
    tumor: false,
};
/// Macrophages: small pale nuclei in a lot of cytoplasm.
pub(super) const MACROPHAGE: Kind = Kind {
    radius: 3.5,
    elongation: 1.8,
    irregularity: 0.5,
    nucleus: 1.1,
    rim: 0.5,
    clumps: 0.3,
    nucleolus: 0.0,
    cytoplasm: 3.5,
    eosin: 0.5,
    tumor: false,
};
/// Carcinoma: large, pale, irregular nuclei with a dark rim and nucleoli.
pub(super) const TUMOR: Kind = Kind {
    radius: 5.6,
    elongation: 1.6,
    irregularity: 1.0,
    nucleus: 0.85,
    rim: 0.9,
    clumps: 0.6,
    nucleolus: 1.3,
    cytoplasm: 2.2,
    eosin: 0.5,
    tumor: true,
};

/// Width of the soft edge of cytoplasm and nucleus.
const EDGE: f32 = 1.6;

/// A cell at its place.
#[derive(Debug)]
pub(super) struct Cell {
    kind: &'static Kind,
    at: (f32, f32),
    radius: f32,
    /// Square root of length over width.
    stretch: f32,
    /// Direction of the length, a unit vector.
    axis: (f32, f32),
    /// Factor of the hematoxylin.
    dark: f32,
    nucleolus: (f32, f32),
}

impl Cell {
    pub(super) fn new(draw: &mut Draw, kind: &'static Kind, at: (f32, f32)) -> Self {
        let radius = kind.radius * draw.between(0.8, 1.2);
        let axis = (draw.between(0.1, 1.0), draw.between(-1.0, 1.0));
        let length = (axis.0 * axis.0 + axis.1 * axis.1).sqrt();
        let mut off_centre = |c: f32| c + radius * draw.between(-0.4, 0.4);
        let nucleolus = (off_centre(at.0), off_centre(at.1));
        Self {
            kind,
            at,
            radius,
            stretch: draw.between(1.0, kind.elongation).sqrt(),
            axis: (axis.0 / length, axis.1 / length),
            dark: draw.between(0.8, 1.2),
            nucleolus,
        }
    }

    /// Whether the cell keeps its distance from a cell of the same kind at another place.
    pub(super) fn leaves_room(&self, at: (f32, f32)) -> bool {
        apart(self.at, at) > 1.7 * self.kind.radius + 1.1 * self.kind.cytoplasm
    }

    /// Whether the cell is clear of the centre box.
    pub(super) fn is_outside_centre(&self) -> bool {
        centre_distance(self.at.0, self.at.1) > self.reach()
    }

    /// No part of the cell is farther from its middle.
    fn reach(&self) -> f32 {
        (self.radius + self.kind.irregularity + self.kind.cytoplasm) * self.stretch + EDGE
    }

    /// About how many pixels (x, y) is outside of the nucleus; negative inside.
    fn outside_nucleus(&self, canvas: &Canvas, (x, y): (i32, i32)) -> f32 {
        let (dx, dy) = (x as f32 - self.at.0, y as f32 - self.at.1);
        let along = (dx * self.axis.0 + dy * self.axis.1) / self.stretch;
        let across = (dy * self.axis.0 - dx * self.axis.1) * self.stretch;
        let ellipse = (along * along + across * across).sqrt() - self.radius;
        ellipse + self.kind.irregularity * canvas.grain((x, y), 4.3)
    }

    fn pixels(&self) -> impl Iterator<Item = (i32, i32)> + use<> {
        pixels_around(self.at.0, self.at.1, self.reach())
    }

    fn paint_cytoplasm(&self, canvas: &mut Canvas) {
        for pixel in self.pixels() {
            let distance = self.outside_nucleus(canvas, pixel) - self.kind.cytoplasm;
            let eosin = self.kind.eosin * (1.0 + 0.3 * canvas.grain(pixel, 2.2)) + 0.15 * bump(distance);
            canvas.cover(pixel, [0.18, eosin], 0.92 * smooth(0.5 - distance / EDGE));
            if self.kind.tumor && distance < 0.0 {
                canvas.mark(pixel);
            }
        }
    }

    fn paint_nucleus(&self, canvas: &mut Canvas) {
        for pixel in self.pixels() {
            let distance = self.outside_nucleus(canvas, pixel);
            let clumps = 0.6 * canvas.grain(pixel, 1.1) + 0.4 * canvas.grain(pixel, 2.2);
            let from_nucleolus = apart(self.nucleolus, (pixel.0 as f32, pixel.1 as f32));
            let hematoxylin = self.kind.nucleus * (1.0 + self.kind.clumps * clumps)
                + self.kind.rim * bump((distance + 0.7) / 1.5)
                + self.kind.nucleolus * bump(from_nucleolus / 1.6);
            canvas.cover(pixel, [self.dark * hematoxylin, 0.3], 0.94 * smooth(0.5 - distance / EDGE));
        }
    }
}

/// Paints the cytoplasm of all cells first, so that no cell hides the nucleus of another.
pub(super) fn paint(cells: &[Cell], canvas: &mut Canvas) {
    cells.iter().filter(|cell| cell.kind.cytoplasm > 0.0).for_each(|cell| cell.paint_cytoplasm(canvas));
    cells.iter().for_each(|cell| cell.paint_nucleus(canvas));
}

pub(super) fn apart(a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (a.0 - b.0, a.1 - b.1);
    (dx * dx + dy * dy).sqrt()
}
