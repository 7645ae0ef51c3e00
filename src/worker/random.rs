//! Seeded random numbers.
//!
//! The algorithms are written out and frozen: a library's could change with its version, and old keys would stand for
//! other results.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

/// A generator whose key is made of these parts, at most 32 bytes together.
pub(crate) fn generator(parts: &[&[u8]]) -> ChaCha20Rng {
    let (mut key, parts) = ([0; 32], parts.concat());
    key[..parts.len()].copy_from_slice(&parts);
    ChaCha20Rng::from_seed(key)
}

/// A number in 0..bound, with a bias below bound / 2^64.
pub(crate) fn below(bound: u64, random: &mut impl Rng) -> u64 {
    ((u128::from(random.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// A number in [0, 1), in steps of 2^-53.
pub(crate) fn unit(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
