//! The lymphoid background of a patch: reticular matrix, white clefts and lymphocytes.
//!
//! Does not know which regions must stay free of lymphocytes. The caller decides.

use super::{
    canvas::{Canvas, Dye, SIDE},
    cell::{Cell, Truth, paint_cells},
    grain::Grain,
    kinds::{CellKind, Style},
    math::smooth,
    noise::Lattice,
    random::Draw,
};

/// The parameters of the lymphoid tissue in one patch.
pub(super) struct Lymphoid {
    /// Density of the lymphocytes. 1 is as dense as possible.
    packing: f32,
    /// Width of the white clefts between cells: -1 is none, 1 is wide.
    open: f32,
    /// Share of the larger, paler lymphoid cells.
    large: f32,
    eosin: f32,
    fields: Lattice,
}

impl Lymphoid {
    /// Draws a tissue between dense cortex and a loose, half-empty sinus.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        Self {
            packing: draw.pick(&[(0.4, 1.05), (0.35, 0.7), (0.25, 0.35)]) + draw.between(-0.12, 0.12),
            open: draw.pick(&[(0.4, -0.3), (0.35, 0.0), (0.25, 0.3)]) + draw.between(-0.12, 0.12),
            large: draw.between(0.0, 0.2),
            eosin: draw.between(0.28, 0.5),
            fields: Lattice::draw(draw),
        }
    }

    /// Paints matrix and clefts on the whole canvas.
    pub(super) fn paint_matrix(&self, canvas: &mut Canvas, grain: &Grain) {
        for (x, y) in Canvas::pixels() {
            let (u, v) = (x as f32, y as f32);
            let strands = self.fields.at(u / 7.0, v / 7.0);
            let eosin =
                self.eosin * (1.0 + 0.4 * strands + 0.25 * grain.fine(x, y) + 0.3 * grain.coarse(x, y));
            let matrix = Dye::new(0.16 + 0.1 * strands, eosin.max(0.05));
            canvas.cover(x, y, matrix.scaled(1.0 - 0.93 * self.cleft(u, v, grain.coarse(x, y))), 1.0);
        }
    }

    /// How empty a point is: 0 is matrix, 1 is a cleft. `ragged` roughens the edges of clefts.
    fn cleft(&self, x: f32, y: f32, ragged: f32) -> f32 {
        let wide = self.fields.at(x / 21.0 + 7.0, y / 21.0 + 33.0);
        let narrow = 0.75 * self.fields.at(x / 5.0 + 3.0, y / 5.0 + 50.0) + 0.35 * ragged;
        smooth((0.55 * wide + 0.6 * narrow + self.open) / 0.35 + 0.5)
    }

    /// Draws lymphocytes at points that are `free` and have enough room.
    pub(super) fn cells(&self, draw: &mut Draw, free: impl Fn(f32, f32) -> bool) -> Vec<Cell> {
        let style = Style::draw(draw);
        let mut crowd = Crowd::new();
        let mut cells = Vec::new();
        for _ in 0..1000 {
            let edge = SIDE as f32 + 3.0;
            let at = (draw.between(-4.0, edge), draw.between(-4.0, edge));
            let density = self.packing + 0.5 * self.fields.at(at.0 / 23.0 + 11.0, at.1 / 23.0 + 21.0);
            let (wanted, large) = (draw.chance(density), draw.chance(self.large));
            let kind = if large { CellKind::Centroblast } else { CellKind::Lymphocyte };
            if wanted && free(at.0, at.1) && crowd.admits(at, 0.8 * kind.radius() + 2.6) {
                crowd.add(at);
                cells.push(kind.draw(draw, at, style, None));
            }
        }
        cells
    }

    /// Paints the lymphocytes on the canvas.
    pub(super) fn paint_cells(cells: &[Cell], canvas: &mut Canvas, grain: &Grain) {
        paint_cells(cells, canvas, grain, Truth::Benign);
    }
}

/// Points in buckets of 8x8 pixels, so that a search for neighbours checks only nearby points.
struct Crowd(Vec<Vec<(f32, f32)>>);

const BUCKETS: usize = 14;

impl Crowd {
    fn new() -> Self {
        Self(vec![Vec::new(); BUCKETS * BUCKETS])
    }

    fn bucket(c: f32) -> usize {
        (((c + 8.0) / 8.0) as usize).min(BUCKETS - 1)
    }

    fn add(&mut self, at: (f32, f32)) {
        self.0[Self::bucket(at.1) * BUCKETS + Self::bucket(at.0)].push(at);
    }

    /// True if no point is closer than `room` pixels. `room` is at most 8.
    fn admits(&self, (x, y): (f32, f32), room: f32) -> bool {
        let near = |c: f32| Self::bucket(c).saturating_sub(1)..=(Self::bucket(c) + 1).min(BUCKETS - 1);
        let apart = |p: &(f32, f32)| (p.0 - x) * (p.0 - x) + (p.1 - y) * (p.1 - y) >= room * room;
        near(y).all(|row| near(x).all(|column| self.0[row * BUCKETS + column].iter().all(apart)))
    }
}
