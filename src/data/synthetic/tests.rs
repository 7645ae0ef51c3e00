//! Tests of whole patches: labels, reproducibility, and that colour does not reveal the class.
//!
//! Does not know how a patch is painted.

use rayon::prelude::*;

use super::{
    canvas::SIDE,
    place::{CENTRE_END, CENTRE_START},
    recipe::{Dataset, Patch, Recipe},
};
use crate::digest::Digest;

fn patches(dataset: &Dataset) -> Vec<Patch> {
    let indices = 0..dataset.recipe.patches;
    indices.into_par_iter().map(|index| dataset.patch(index).unwrap()).collect()
}

fn tumor_in_centre(patch: &Patch) -> usize {
    let centre = CENTRE_START..CENTRE_END;
    let pixels = centre.clone().flat_map(|y| centre.clone().map(move |x| y * SIDE + x));
    pixels.filter(|&pixel| patch.mask[pixel] == 1).count()
}

#[test]
fn a_patch_is_positive_if_and_only_if_the_centre_holds_tumor() {
    for seed in [1, 2] {
        let recipe = Recipe { patches: 500, tumor_outside: 0.8, decoys: 4, seed, ..Recipe::default() };
        for (n, patch) in patches(&recipe.plan().unwrap()).iter().enumerate() {
            let evidence = tumor_in_centre(patch);
            // At least one nucleus of about 100 pixels has its centre in the box, and a quarter of it inside.
            let right = if patch.label == 1 { evidence >= 20 } else { evidence == 0 };
            assert!(right, "seed {seed}, patch {n}: label {}, {evidence} tumour pixels", patch.label);
        }
    }
}

#[test]
fn tumor_outside_the_centre_is_as_frequent_as_requested() {
    let recipe = Recipe { patches: 600, positive_share: 0.0, tumor_outside: 0.3, ..Recipe::default() };
    let with_tumor = patches(&recipe.plan().unwrap()).iter().filter(|patch| patch.has_tumor()).count();
    // Expected: 180, binomial SD 11. Some patches have no room for a place outside.
    assert!((130..=230).contains(&with_tumor), "{with_tumor}");
}

#[test]
fn patches_do_not_depend_on_the_order_or_the_number_of_threads() {
    let dataset = Recipe { patches: 40, ..Recipe::default() }.plan().unwrap();
    let alone: Vec<Patch> = (0..40).rev().map(|index| dataset.patch(index).unwrap()).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let mut together = pool.install(|| patches(&dataset));
    together.reverse();
    assert!(alone == together);
}

#[test]
fn pixels_are_the_same_on_every_machine() {
    // A new digest means that all synthetic data change. The VERSION of the stage kind must then be raised.
    let dataset = Recipe { patches: 24, ..Recipe::default() }.plan().unwrap();
    let bytes: Vec<u8> = patches(&dataset).into_iter().flat_map(|p| [p.rgb, p.mask]).flatten().collect();
    assert_eq!(Digest::of(&bytes).short(), "bdfbb81c0d");
}

/// Mean and SD of each channel.
fn colours(patch: &Patch) -> [f64; 6] {
    let mut features = [0.0; 6];
    for c in 0..3 {
        let values = || patch.rgb.iter().skip(c).step_by(3).map(|&value| f64::from(value));
        let count = (SIDE * SIDE) as f64;
        let mean = values().sum::<f64>() / count;
        features[c] = mean;
        features[3 + c] = (values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
    }
    features
}

#[test]
fn colour_does_not_reveal_the_class() {
    let dataset = Recipe { patches: 1200, seed: 3, ..Recipe::default() }.plan().unwrap();
    let all: Vec<([f64; 6], bool)> =
        patches(&dataset).par_iter().map(|patch| (colours(patch), patch.label == 1)).collect();
    let (fitted, held_out) = all.split_at(600);
    let direction = discriminant(fitted);
    let scores = held_out.iter().map(|(features, label)| (dot(&direction, features), *label)).collect();
    let auc = auc(scores);
    // Without a cue, the AUC of 300 + 300 patches is 0.5 with an SD of 0.024. The bound of 0.62 is 5 SD
    // higher. Real patches reach 0.80.
    assert!(auc < 0.62, "AUC {auc}");
}

/// Fisher's linear discriminant: the inverse of the pooled covariance times the difference of the means.
fn discriminant(samples: &[([f64; 6], bool)]) -> [f64; 6] {
    let mean = |label: bool| {
        let of_class: Vec<_> = samples.iter().filter(|sample| sample.1 == label).collect();
        [0, 1, 2, 3, 4, 5].map(|f| of_class.iter().map(|s| s.0[f]).sum::<f64>() / of_class.len() as f64)
    };
    let (negative, positive) = (mean(false), mean(true));
    let mut system = [[0.0; 7]; 6];
    for (features, label) in samples {
        let centre = if *label { &positive } else { &negative };
        for (i, j) in (0..6).flat_map(|i| (0..6).map(move |j| (i, j))) {
            system[i][j] += (features[i] - centre[i]) * (features[j] - centre[j]) / samples.len() as f64;
        }
    }
    (0..6).for_each(|i| system[i][6] = positive[i] - negative[i]);
    solve(system)
}

/// Gauss-Jordan elimination. A covariance matrix needs no pivoting.
fn solve(mut system: [[f64; 7]; 6]) -> [f64; 6] {
    for pivot in 0..6 {
        let row = system[pivot].map(|value| value / system[pivot][pivot]);
        system[pivot] = row;
        for (_, values) in system.iter_mut().enumerate().filter(|(other, _)| *other != pivot) {
            let factor = values[pivot];
            values.iter_mut().zip(row).for_each(|(value, by)| *value -= factor * by);
        }
    }
    system.map(|row| row[6])
}

fn dot(a: &[f64; 6], b: &[f64; 6]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The share of pairs in which the positive has the higher score.
fn auc(scores: Vec<(f64, bool)>) -> f64 {
    let of = |label| scores.iter().filter(move |score| score.1 == label).map(|score| score.0);
    let pairs = of(true).count() * of(false).count();
    of(true).map(|p| of(false).filter(|n| p > *n).count()).sum::<usize>() as f64 / pairs as f64
}

#[test]
fn the_colour_test_detects_a_cue() {
    let patches = (0..400).map(|n| {
        let label = n % 2 == 1;
        let noise =
            |k: u64| (Digest::of(&[n as u8, (n >> 8) as u8, k as u8]).hex().as_bytes()[0] % 16) as f64;
        let cue = if label { 3.0 } else { 0.0 };
        ([noise(0) + cue, noise(1), noise(2), noise(3), noise(4), noise(5)], label)
    });
    let all: Vec<_> = patches.collect();
    let direction = discriminant(&all[..200]);
    let found = auc(all[200..].iter().map(|(f, label)| (dot(&direction, f), *label)).collect());
    assert!(found > 0.62, "{found}");
}
