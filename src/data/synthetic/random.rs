//! Reproducible random numbers. They depend only on seed, purpose and index, not on the platform, the order
//! of threads, or the distributions of a library, which may change with its version.
//!
//! Does not know what the numbers are used for.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// What the numbers are for. Each purpose has its own stream, so that more draws for one purpose do not
/// change the others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Labels and slides of all patches.
    Plan,
    /// The appearance of one slide. The index is that of the slide.
    Slide,
    /// Everything in a patch except the content of its central place. The index is that of the patch.
    Scene,
    /// The content of the central place. The index is that of the patch.
    Centre,
    /// Section thickness, focus and sensor noise. The index is that of the patch.
    Camera,
}

/// A stream of random numbers.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream for one purpose and one index.
    pub(super) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&index.to_le_bytes());
        key[16] = purpose as u8;
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in [0, 1) with 24 random bits.
    pub(super) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Approximately normal: the sum of four uniform numbers. Never more than 3.5 SD from the mean.
    pub(super) fn around(&mut self, mean: f32, sd: f32) -> f32 {
        let sum: f32 = (0..4).map(|_| self.unit()).sum();
        mean + sd * (sum - 2.0) * 1.732_050_8
    }

    /// A uniform direction as a unit vector (cosine, sine).
    pub(super) fn direction(&mut self) -> (f32, f32) {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let squared = x * x + y * y;
            if (0.01..=1.0).contains(&squared) {
                let length = squared.sqrt();
                return (x / length, y / length);
            }
        }
    }

    /// Uniform in 0..n without bias (Lemire 2019). 0 for n = 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        let reject_below = n.wrapping_neg().checked_rem(n).unwrap_or(0);
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(n);
            if product as u32 >= reject_below {
                return (product >> 32) as u32;
            }
        }
    }

    /// Selects one of the (weight, value) pairs at random, by weight.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[(f32, T)]) -> T {
        let total: f32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.unit() * total;
        for &(weight, choice) in choices {
            if left < weight {
                return choice;
            }
            left -= weight;
        }
        choices[choices.len() - 1].1
    }

    /// Shuffles the items (Fisher-Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u32 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Draw::new(seed, purpose, index).unit();
        assert_eq!(first(1, Purpose::Scene, 2), first(1, Purpose::Scene, 2));
        assert_ne!(first(1, Purpose::Scene, 2), first(2, Purpose::Scene, 2));
        assert_ne!(first(1, Purpose::Scene, 2), first(1, Purpose::Centre, 2));
        assert_ne!(first(1, Purpose::Scene, 2), first(1, Purpose::Scene, 3));
    }

    #[test]
    fn approximately_normal_draws_have_the_given_mean_and_sd() {
        let mut draw = Draw::new(7, Purpose::Plan, 0);
        let values: Vec<f32> = (0..20_000).map(|_| draw.around(3.0, 2.0)).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / values.len() as f32;
        // Standard errors: 2/sqrt(20000) = 0.014 for the mean, about 0.009 for the SD. The bounds are
        // about five times as large.
        assert!((mean - 3.0).abs() < 0.07, "{mean}");
        assert!((variance.sqrt() - 2.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn below_is_uniform() {
        let mut draw = Draw::new(1, Purpose::Plan, 0);
        let mut counts = [0; 5];
        (0..5000).for_each(|_| counts[draw.below(5) as usize] += 1);
        // Expected count: 1000, binomial SD 28.
        assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
    }

    #[test]
    fn a_shuffle_keeps_all_items() {
        let mut items: Vec<u32> = (0..100).collect();
        Draw::new(1, Purpose::Plan, 0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
