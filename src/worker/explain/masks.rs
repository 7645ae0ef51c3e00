//! The random masks of RISE (Petsiuk et al. 2018).
//!
//! A mask is a grid of n x n cells, each 1 with probability p, else 0. It is enlarged to (n + 1) c rows and columns
//! bilinearly, with half-pixel centres, where c = ceil(S / n) is the size of a cell, and S rows and columns of that are
//! cut out at a random place (0 to c - 1 along each axis).

use tch::{Device, Tensor};

use crate::random::{below, generator, unit};

/// The masks of a stage. They depend only on its seed and settings.
pub(super) struct Masks {
    side: i64,
    cells: usize,
    /// 0 or 1 for each cell of each mask.
    grids: Vec<u8>,
    /// The first row and column of each mask.
    shifts: Vec<[i64; 2]>,
}

impl Masks {
    /// Masks for images of `side` rows and columns, at least as many as `cells`.
    pub(super) fn new(seed: u64, side: usize, cells: usize, count: usize, probability: f64) -> Self {
        let mut random = generator(&[&seed.to_le_bytes(), b"rise"]);
        let mut masks = Self { side: side as i64, cells, grids: Vec::new(), shifts: Vec::new() };
        let cell = side.div_ceil(cells) as u64;
        for _ in 0..count {
            masks.grids.extend((0..cells * cells).map(|_| u8::from(unit(&mut random) < probability)));
            masks.shifts.push([(); 2].map(|()| below(cell, &mut random) as i64));
        }
        masks
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.shifts.len()
    }

    /// Some masks in [0, 1], float32 [n, 1, S, S].
    pub(super) fn images(&self, range: std::ops::Range<usize>, device: Device) -> Tensor {
        let (cells, area) = (self.cells as i64, self.cells * self.cells);
        let grids: Vec<f32> =
            self.grids[range.start * area..range.end * area].iter().map(|&cell| f32::from(cell)).collect();
        let grids = Tensor::from_slice(&grids).to_device(device).view([-1, 1, cells, cells]);
        let enlarged = (cells + 1) * ((self.side + cells - 1) / cells);
        let large = grids.upsample_bilinear2d([enlarged; 2], false, None, None);
        let cut = |(at, [row, column]): (usize, &[i64; 2])| {
            large.narrow(0, at as i64, 1).narrow(2, *row, self.side).narrow(3, *column, self.side)
        };
        let masks: Vec<Tensor> = self.shifts[range].iter().enumerate().map(cut).collect();
        Tensor::cat(&masks, 0)
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn masks_show_a_pixel_with_the_probability_and_depend_on_the_seed() {
        let of = |seed| Masks::new(seed, 50, 7, 2000, 0.3).images(0..2000, Device::Cpu).to_kind(Kind::Double);
        let masks = of(1);
        assert_eq!(masks.size(), [2000, 1, 50, 50]);
        assert!(masks.min().double_value(&[]) >= 0.0 && masks.max().double_value(&[]) <= 1.0);
        // The variance of a pixel is at most p (1 - p); four standard errors at each of a few pixels.
        let means = masks.mean_dim([0].as_slice(), false, Kind::Double);
        for at in [[0, 0], [49, 49], [25, 10], [3, 40]] {
            let mean = means.double_value(&[0, at[0], at[1]]);
            assert!((mean - 0.3).abs() < 4.0 * (0.21_f64 / 2000.0).sqrt(), "{at:?}: {mean}");
        }
        assert!(masks == of(1) && masks != of(2));
    }

    #[test]
    fn any_part_of_the_masks_can_be_made_alone() {
        let masks = Masks::new(3, 32, 4, 10, 0.5);
        let all = masks.images(0..10, Device::Cpu);
        assert_eq!(Tensor::cat(&[masks.images(0..3, Device::Cpu), masks.images(3..10, Device::Cpu)], 0), all);
    }
}
