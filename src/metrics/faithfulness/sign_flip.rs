//! Is a paired difference more than chance? A sign-flip test over slides or images, and Holm's correction for
//! the number of differences.
//!
//! If two methods do not differ, both signs of each unit's difference are equally likely. The p-value is the
//! share of sign patterns with a mean at least as far from 0. It is right even for a few units with the same
//! sign: five of five have p = 0.06, while no bootstrap resample crosses 0.

use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use crate::metrics::Bootstrap;

/// Up to this number of units all sign patterns are tried.
const EXACT: usize = 13;
/// At least this number of patterns is drawn for more units: enough that p-values stay small after a
/// correction for some hundred differences.
const DRAWN: u32 = 10_000;
/// Sums in another order differ by rounding, by at most this share of the largest possible sum.
const ROUNDING: f64 = 1e-12;

/// The two-sided p-value of sums of differences, one of each unit. `None` with fewer than two units, and without
/// resamples.
pub(super) fn sign_flip(sums: &[f64], bootstrap: &Bootstrap) -> Option<f64> {
    if sums.len() < 2 || bootstrap.resamples == 0 {
        return None;
    }
    let most: f64 = sums.iter().map(|sum| sum.abs()).sum();
    let found = sums.iter().sum::<f64>().abs() - ROUNDING * most;
    // A pattern changes the sign of a unit if its bit is set.
    let far = |patterns: &mut dyn FnMut() -> u64| {
        let of = |(chunk, bits): (&[f64], u64)| -> f64 {
            let signed = chunk.iter().enumerate();
            signed.map(|(bit, sum)| if bits >> bit & 1 == 1 { -sum } else { *sum }).sum()
        };
        sums.chunks(64).map(|chunk| of((chunk, patterns()))).sum::<f64>().abs() >= found
    };
    if sums.len() <= EXACT {
        // A pattern and its opposite are equally far, so half of them are enough.
        let patterns = 1_u64 << (sums.len() - 1);
        let as_far = (0..patterns).filter(|pattern| far(&mut || *pattern)).count();
        return Some(as_far as f64 / patterns as f64);
    }
    let drawn = |&index: &u32| {
        let mut generator = bootstrap.generator(index);
        far(&mut || generator.next_u64())
    };
    let patterns = bootstrap.resamples.max(DRAWN);
    let as_far = (0..patterns).into_par_iter().filter(drawn).count();
    // The observed pattern is one of them.
    Some((as_far + 1) as f64 / (f64::from(patterns) + 1.0))
}

/// Holm's corrected p-values (1979): the probability that any true null hypothesis is rejected stays below the
/// level.
pub(super) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let (mut corrected, mut least) = (vec![0.0; p_values.len()], 0.0_f64);
    for (before, index) in order.into_iter().enumerate() {
        least = least.max(p_values[index] * (p_values.len() - before) as f64).min(1.0);
        corrected[index] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Bootstrap = Bootstrap { resamples: 4000, seed: 1, level: 0.95 };

    fn p(sums: &[f64]) -> f64 {
        sign_flip(sums, &FEW).unwrap()
    }

    #[test]
    fn few_units_cannot_be_significant_and_many_can() {
        assert_eq!((p(&[1.0; 5]), p(&[-1.0; 13])), (2.0 / 32.0, 2.0 / 8192.0));
        assert_eq!((p(&[1.0; 70]), p(&[0.0; 70]), p(&[0.0; 3])), (1.0 / 10_001.0, 1.0, 1.0));
        // 3 - 1: of 16 patterns those with a sum of 2 or 4 on either side.
        assert_eq!(p(&[1.0, 1.0, 1.0, -1.0]), 10.0 / 16.0);
        assert_eq!(
            (sign_flip(&[1.0], &FEW), sign_flip(&[1.0; 9], &Bootstrap { resamples: 0, ..FEW })),
            (None, None)
        );
    }

    #[test]
    fn drawn_patterns_agree_with_the_normal_distribution() {
        // 100 units of one size, 60 of one sign: z = 2, with the correction for continuity p = 0.0569.
        let sums: Vec<f64> = (0..100).map(|at| if at < 60 { 0.1 } else { -0.1 }).collect();
        assert!((p(&sums) - 0.0569).abs() < 0.012, "{}", p(&sums));
    }

    #[test]
    fn corrected_p_values_are_those_of_r() {
        // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        let close = |got: &[f64], wanted: &[f64]| got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]));
        assert!(close(&holm(&[0.6, 0.9]), &[1.0, 1.0]) && holm(&[]).is_empty());
    }
}
