//! Fine texture for chromatin, granules and foamy cytoplasm: two planes, drawn once per patch.
//!
//! Does not know what the texture is used for.

use super::{
    canvas::{Canvas, MARGIN, WIDE},
    noise::Lattice,
    random::Draw,
};

/// Texture values between -1 and 1 for each pixel of the canvas.
pub(super) struct Grain {
    fine: Vec<f32>,
    coarse: Vec<f32>,
}

impl Grain {
    /// Draws both planes. Their structures are about 1 and 2.2 pixels wide.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let lattice = Lattice::draw(draw);
        let plane = |scale: f32, shift: f32| {
            Canvas::pixels().map(|(x, y)| lattice.at(x as f32 / scale + shift, y as f32 / scale)).collect()
        };
        Self { fine: plane(1.07, 0.37), coarse: plane(2.23, 31.7) }
    }

    fn index(x: i32, y: i32) -> usize {
        ((y + MARGIN) as usize) * WIDE + (x + MARGIN) as usize
    }

    /// The fine plane at a pixel.
    pub(super) fn fine(&self, x: i32, y: i32) -> f32 {
        self.fine[Self::index(x, y)]
    }

    /// The coarse plane at a pixel.
    pub(super) fn coarse(&self, x: i32, y: i32) -> f32 {
        self.coarse[Self::index(x, y)]
    }
}
