//! Paints one cell, its cytoplasm and its nucleus, on the canvas.
//!
//! Does not know cell types. `kinds.rs` has the values for lymphocytes, tumour cells and so on.

use super::{
    canvas::{Canvas, Dye},
    grain::Grain,
    math::{bump, smooth},
    outline::Outline,
};

/// The body of a cell around its nucleus.
#[derive(Clone, Copy)]
pub(super) struct Cytoplasm {
    pub(super) outline: Outline,
    pub(super) dye: Dye,
    /// Relative variation of the stain: 0.1 is smooth, 0.4 is foamy.
    pub(super) unevenness: f32,
    /// Extra eosin along the membrane.
    pub(super) membrane: f32,
}

/// A nucleolus: a dark spot in the nucleus.
#[derive(Clone, Copy)]
pub(super) struct Nucleolus {
    /// Position relative to the centre of the nucleus, in units of its radius.
    pub(super) at: (f32, f32),
    /// Radius in pixels.
    pub(super) radius: f32,
    /// Extra hematoxylin.
    pub(super) dark: f32,
}

/// The nucleus of a cell.
#[derive(Clone, Copy)]
pub(super) struct Nucleus {
    pub(super) outline: Outline,
    pub(super) dye: Dye,
    /// Extra hematoxylin along the membrane, which makes a nucleus look vesicular.
    pub(super) rim: f32,
    /// Relative variation of the chromatin.
    pub(super) clumping: f32,
    /// Width of the edge in pixels. A wide edge looks out of focus.
    pub(super) softness: f32,
    pub(super) nucleoli: [Option<Nucleolus>; 2],
}

/// A cell. Small cells show no cytoplasm at this magnification.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) cytoplasm: Option<Cytoplasm>,
    pub(super) nucleus: Nucleus,
}

/// Whether a cell is added to the tumour mask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Benign,
    Tumor,
}

impl Cytoplasm {
    /// Paints the cytoplasm on the canvas.
    pub(super) fn paint(&self, canvas: &mut Canvas, grain: &Grain, truth: Truth) {
        let reach = self.outline.reach() + 2.0;
        for (x, y) in Canvas::around(self.outline.x, self.outline.y, reach) {
            let distance = self.outline.distance(x as f32, y as f32);
            let share = smooth(0.5 - distance / 2.2);
            if share <= 0.0 {
                continue;
            }
            let mut dye = self.dye.scaled(1.0 + self.unevenness * grain.coarse(x, y));
            dye.eosin += self.membrane * bump((distance + 0.3) * (distance + 0.3) / 1.2);
            canvas.cover(x, y, dye, 0.92 * share);
            if truth == Truth::Tumor && distance < 0.0 {
                canvas.mark(x, y);
            }
        }
    }
}

impl Nucleus {
    /// Paints the nucleus on the canvas.
    pub(super) fn paint(&self, canvas: &mut Canvas, grain: &Grain, truth: Truth) {
        let reach = self.outline.reach() + self.softness;
        for (x, y) in Canvas::around(self.outline.x, self.outline.y, reach) {
            let distance = self.outline.distance(x as f32, y as f32);
            let share = smooth(0.5 - distance / self.softness);
            if share <= 0.0 {
                continue;
            }
            canvas.cover(x, y, self.dye_at(x, y, distance, grain), 0.94 * share);
            if truth == Truth::Tumor && distance < 0.0 {
                canvas.mark(x, y);
            }
        }
    }

    fn dye_at(&self, x: i32, y: i32, distance: f32, grain: &Grain) -> Dye {
        let clumps = 0.6 * grain.fine(x, y) + 0.4 * grain.coarse(x, y);
        let mut hematoxylin = self.dye.hematoxylin * (1.0 + self.clumping * clumps).max(0.2);
        let from_rim = (distance + 0.7) / 1.5;
        hematoxylin += self.rim * bump(from_rim * from_rim);
        for spot in self.nucleoli.iter().flatten() {
            let (dx, dy) = (x as f32 - self.outline.x, y as f32 - self.outline.y);
            let (dx, dy) = (dx - spot.at.0 * self.outline.radius, dy - spot.at.1 * self.outline.radius);
            hematoxylin += spot.dark * bump((dx * dx + dy * dy) / (spot.radius * spot.radius));
        }
        Dye::new(hematoxylin, self.dye.eosin)
    }
}

/// Paints all cytoplasm first, then all nuclei, so that no cytoplasm covers the nucleus of a neighbour.
pub(super) fn paint_cells(cells: &[Cell], canvas: &mut Canvas, grain: &Grain, truth: Truth) {
    for cytoplasm in cells.iter().filter_map(|cell| cell.cytoplasm) {
        cytoplasm.paint(canvas, grain, truth);
    }
    for cell in cells {
        cell.nucleus.paint(canvas, grain, truth);
    }
}
