//! Normal noise for images. It depends only on the seed and the row of the image.

use rand_chacha::{ChaCha20Rng, rand_core::Rng};
use tch::{Device, Tensor};

use crate::random::generator;

/// Noise for the copies of one image.
pub(super) struct Noise {
    random: ChaCha20Rng,
    deviation: f64,
    side: i64,
}

impl Noise {
    /// Noise with a standard deviation for the image of a row, which has so many rows and columns.
    pub(super) fn new(seed: u64, row: i64, deviation: f64, side: i64) -> Self {
        Self { random: generator(&[&seed.to_le_bytes(), &row.to_le_bytes(), b"noise"]), deviation, side }
    }

    /// The noise of the next `count` copies, float32 [count, 3, S, S].
    pub(super) fn images(&mut self, count: usize, device: Device) -> Tensor {
        let side = self.side;
        let values = 3 * side * side;
        // Of an odd number, each image leaves the second value of its last pair.
        let pairs =
            |_| (0..(values + 1) / 2).flat_map(|_| self.pair()).take(values as usize).collect::<Vec<f32>>();
        let all: Vec<f32> = (0..count).flat_map(pairs).collect();
        Tensor::from_slice(&all).to_device(device).view([-1, side, side, 3]).permute([0, 3, 1, 2])
    }

    /// Two independent values (Box and Muller 1958).
    fn pair(&mut self) -> [f32; 2] {
        let radius = self.deviation * (-2.0 * self.uniform().ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        [(radius * cosine) as f32, (radius * sine) as f32]
    }

    /// In (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.random.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::model::testing::difference;

    fn images(seed: u64, row: i64, counts: &[usize]) -> Tensor {
        let mut noise = Noise::new(seed, row, 0.3, 96);
        Tensor::cat(&counts.iter().map(|&count| noise.images(count, Device::Cpu)).collect::<Vec<_>>(), 0)
    }

    #[test]
    fn noise_is_normal() {
        let values = images(1, 2, &[20]).to_kind(Kind::Double);
        let n = values.numel() as f64;
        let moment =
            |power: i64| (&values / 0.3).pow_tensor_scalar(power).mean(Kind::Double).double_value(&[]);
        // Five standard errors each.
        assert!(moment(1).abs() < 5.0 / n.sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
        assert!(moment(3).abs() < 5.0 * (15.0 / n).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / n).sqrt());
        let (one, next) = (values.narrow(3, 0, 95), values.narrow(3, 1, 95));
        let together = (one * next).mean(Kind::Double).double_value(&[]) / 0.09;
        assert!(together.abs() < 5.0 / n.sqrt());
    }

    #[test]
    fn it_depends_on_seed_and_row_but_not_on_the_number_of_copies_at_once() {
        let one = images(7, 3, &[4]);
        assert_eq!(one, images(7, 3, &[1, 2, 1]));
        assert!(difference(&one, &images(8, 3, &[4])) > 0.1);
        assert!(difference(&one, &images(7, -4, &[4])) > 0.1);
    }
}
