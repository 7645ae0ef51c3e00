//! The few functions that drawing needs, from additions, multiplications, divisions and square roots.
//!
//! IEEE 754 fixes these to the last bit. The system's `expf` may differ from machine to machine, and then the
//! same recipe would give other bytes.

use crate::data::draw::Draw;

/// e^x for x <= 0, within 3e-4: the eighth power of a short series.
pub(super) fn exp(x: f32) -> f32 {
    let x = x.max(-16.0) / 64.0;
    let root = 1.0 + x * (1.0 + x * (0.5 + x / 6.0));
    (0..6).fold(root, |power, _| power * power)
}

/// 0 below 0, 1 above 1, a smooth step between.
pub(super) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bump of height 1 at 0 that falls to 0 at -1 and 1.
pub(super) fn bump(x: f32) -> f32 {
    let left = (1.0 - x * x).max(0.0);
    left * left
}

/// `a` at 0, `b` at 1.
pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

const SIZE: usize = 64;

/// Value noise: random values from -1 to 1 on a grid of 64 x 64, smoothly interpolated and repeated.
#[derive(Debug)]
pub(super) struct Noise(Vec<f32>);

impl Noise {
    pub(super) fn new(draw: &mut Draw) -> Self {
        Self((0..SIZE * SIZE).map(|_| draw.between(-1.0, 1.0)).collect())
    }

    /// The value at (x, y), in steps of the grid; both at least -64.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        // Shifted so that the conversion rounds down.
        let (x, y) = (x + SIZE as f32, y + SIZE as f32);
        let (column, row) = (x as usize, y as usize);
        let (u, v) = (smooth(x - column as f32), smooth(y - row as f32));
        let value = |c: usize, r: usize| self.0[r % SIZE * SIZE + c % SIZE];
        let upper = mix(value(column, row), value(column + 1, row), u);
        let lower = mix(value(column, row + 1), value(column + 1, row + 1), u);
        mix(upper, lower, v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_to_that_of_the_standard_library() {
        for step in 0..=120 {
            let x = step as f32 * -0.1;
            assert!((exp(x) - x.exp()).abs() < 1e-5, "exp({x})");
        }
    }

    #[test]
    fn the_noise_is_continuous_and_bounded_and_passes_through_the_grid() {
        let noise = Noise::new(&mut Draw::new(1));
        assert_eq!(noise.at(3.0, 5.0), noise.0[5 * SIZE + 3]);
        let mut before = noise.at(-4.0, 2.3);
        for step in 1..8000 {
            let value = noise.at(-4.0 + step as f32 * 0.01, 2.3);
            assert!(value.abs() <= 1.0);
            // The slope is at most 1.5 times the largest difference, 2.
            assert!((value - before).abs() <= 0.0301, "jump at {step}");
            before = value;
        }
    }
}
