//! Random draws that are the same on every platform and in every version.
//!
//! ChaCha8 with a key made from the seed. The draws are written out here, because the methods of the `rand`
//! crate may return other values in a later version.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self::stream(seed, 0, 0)
    }

    /// One of many independent streams of a seed.
    pub(super) fn stream(seed: u64, purpose: u8, index: u32) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose;
        key[9..13].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform from 0 to `end` - 1.
    ///
    /// # Panics
    /// If `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "there is no number below 0");
        let mask = u64::MAX >> (end - 1).leading_zeros().min(63);
        loop {
            let number = self.0.next_u64() & mask;
            if number < end {
                return number;
            }
        }
    }

    /// Shuffles items uniformly.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_never_change() {
        let mut draw = Draw::new(42);
        let numbers: Vec<u64> = (0..6).map(|_| draw.below(1000)).collect();
        let mut items: Vec<u32> = (0..8).collect();
        draw.shuffle(&mut items);
        // Other numbers would give other splits under the same key.
        assert_eq!(numbers, [135, 811, 246, 738, 994, 681]);
        assert_eq!(items, [0, 7, 6, 4, 2, 5, 1, 3]);
    }

    #[test]
    fn every_number_below_is_about_equally_likely() {
        let mut draw = Draw::new(1);
        let mut counts = [0_u32; 7];
        (0..70_000).for_each(|_| counts[draw.below(7) as usize] += 1);
        // 10,000 expected, standard deviation 93: five of them.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 463), "{counts:?}");
        assert_eq!(draw.below(1), 0);
    }
}
