//! Smooth random fields, used for chromatin, fibres, cell density and clefts.
//!
//! Does not know tissue, only random numbers and interpolation.

use super::{
    math::{mix, smooth},
    random::Draw,
};

const SIZE: usize = 64;

/// Value noise: smoothly interpolated random values on a periodic 64x64 lattice.
pub(super) struct Lattice(Box<[f32; SIZE * SIZE]>);

impl Lattice {
    /// Draws values in [-1, 1).
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let mut values = Box::new([0.0; SIZE * SIZE]);
        values.fill_with(|| draw.between(-1.0, 1.0));
        Self(values)
    }

    /// The value at (x, y), between -1 and 1. Lattice points have integer coordinates.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        // The conversion truncates, which is fast. For positive numbers this is the floor, hence the shift.
        let (x, y) = (x + 1024.0, y + 1024.0);
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
    use super::{super::random::Purpose, *};

    #[test]
    fn the_field_is_continuous_and_bounded_and_matches_the_lattice() {
        let lattice = Lattice::draw(&mut Draw::new(1, Purpose::Scene, 0));
        assert_eq!(lattice.at(3.0, 5.0), lattice.0[5 * SIZE + 3]);
        let mut before = lattice.at(-4.0, 2.3);
        for step in 1..8000 {
            let value = lattice.at(-4.0 + step as f32 * 0.01, 2.3);
            assert!(value.abs() <= 1.0);
            // The maximum slope is 1.5 times the largest difference, which is 2.
            assert!((value - before).abs() <= 0.0301, "jump at {step}");
            before = value;
        }
    }
}
