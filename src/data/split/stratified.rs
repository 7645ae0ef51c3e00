//! `algorithm = "pcamflow"`: every part has the same share of each class, to within one patch.
//!
//! Computed in integers: shares are rounded down, and the parts with the largest remainders get one more. The rows
//! that are left out count as a part.

use anyhow::{Result, ensure};

use super::{Parts, check, positives};
use crate::data::draw::Draw;

/// The rows of each part, in random order.
///
/// # Errors
/// Sizes of 0 or beyond the rows; a class without patches, or with so few that a part would have none.
pub fn split(labels: &[u8], sizes: &Parts<u64>, seed: u64) -> Result<Parts<Vec<u64>>> {
    check(labels, sizes)?;
    let of_class_1 = shares(labels, sizes)?;
    let mut draw = Draw::new(seed);
    let mut classes = [0, 1].map(|class| rows_of(labels, class));
    classes.iter_mut().for_each(|rows| draw.shuffle(rows));
    let mut take = |size: u64, ones: u64| {
        let mut rows: Vec<u64> = Vec::with_capacity(size as usize);
        for (class, count) in classes.iter_mut().zip([size - ones, ones]) {
            rows.extend(class.drain(class.len() - count as usize..));
        }
        draw.shuffle(&mut rows);
        rows
    };
    let [train, validation, test] = of_class_1;
    Ok(Parts {
        train: take(sizes.train, train),
        validation: take(sizes.validation, validation),
        test: take(sizes.test, test),
    })
}

/// How many patches of class 1 each part gets.
fn shares(labels: &[u8], sizes: &Parts<u64>) -> Result<[u64; 3]> {
    let (rows, ones) = (labels.len() as u64, positives(labels));
    let counts = [sizes.train, sizes.validation, sizes.test, rows - sizes.total()];
    let product = |count: u64| u128::from(count) * u128::from(ones);
    let mut shares = counts.map(|count| (product(count) / u128::from(rows)) as u64);
    let mut by_remainder = [0, 1, 2, 3];
    by_remainder.sort_by_key(|&part| std::cmp::Reverse(product(counts[part]) % u128::from(rows)));
    let missing = ones - shares.iter().sum::<u64>();
    by_remainder.iter().take(missing as usize).for_each(|&part| shares[part] += 1);
    let [train, validation, test, _] = shares;
    let shares = [train, validation, test];
    for ((name, &size), share) in sizes.named().zip(shares) {
        let missing_class = if share == 0 { 1 } else { 0 };
        ensure!(
            share > 0 && share < size,
            "{name} ({size} patches) would have no patch of class {missing_class}; the file has {} of them in {rows}: \
             make it larger, or take more patches",
            if missing_class == 1 { ones } else { rows - ones }
        );
    }
    Ok(shares)
}

fn rows_of(labels: &[u8], class: u8) -> Vec<u64> {
    (0..).zip(labels).filter(|&(_, &label)| label == class).map(|(row, _)| row).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn parts_are_disjoint_of_the_sizes_asked_and_stratified_to_within_one(
            labels in prop::collection::vec(0_u8..2, 60..400),
            shares in [0.05_f64..0.33, 0.05..0.33, 0.05..0.33],
            seed: u64,
        ) {
            let rows = labels.len() as u64;
            let sizes = Parts::from_array(shares.map(|share| ((rows as f64 * share) as u64).max(2)));
            let Ok(parts) = split(&labels, &sizes, seed) else {
                // Refused only if the share of a class in some part is below one patch.
                let fewest = positives(&labels).min(rows - positives(&labels));
                let smallest = sizes.as_array().into_iter().min().copied().unwrap();
                prop_assert!(fewest * smallest < rows);
                return Ok(());
            };
            let mut all: Vec<u64> = parts.as_array().into_iter().flatten().copied().collect();
            prop_assert_eq!(all.len() as u64, sizes.total());
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len() as u64, sizes.total());
            for (part, size) in parts.as_array().into_iter().zip(sizes.as_array()) {
                prop_assert_eq!(part.len() as u64, *size);
                let ones = part.iter().filter(|&&row| labels[row as usize] == 1).count() as f64;
                let fair = *size as f64 * positives(&labels) as f64 / rows as f64;
                prop_assert!((ones - fair).abs() < 1.0, "{} of class 1, fair {}", ones, fair);
            }
        }
    }

    #[test]
    fn a_seed_always_draws_the_same_rows() {
        let labels: Vec<u8> = (0..40).map(|i| u8::from(i % 3 == 0)).collect();
        let parts = split(&labels, &Parts::from_array([10, 6, 6]), 42).unwrap();
        assert_eq!(parts.train, [11, 34, 4, 35, 17, 27, 33, 9, 14, 12]);
        assert_ne!(parts, split(&labels, &Parts::from_array([10, 6, 6]), 43).unwrap());
    }

    #[test]
    fn the_whole_file_is_divided_without_a_rest() {
        let labels: Vec<u8> = (0..1001).map(|i| u8::from(i % 7 < 3)).collect();
        let parts = split(&labels, &Parts::from_array([501, 250, 250]), 0).unwrap();
        let mut all = [parts.train, parts.validation, parts.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1001).collect::<Vec<_>>());
    }

    #[test]
    fn rows_of_official_order_are_mixed() {
        // Official files have long runs of one class. A part in row order would have them too.
        let labels: Vec<u8> = (0..1000).map(|i| u8::from(i >= 500)).collect();
        let train = split(&labels, &Parts::from_array([800, 100, 100]), 1).unwrap().train;
        let early = train[..400].iter().filter(|&&row| row >= 500).count();
        // Hypergeometric: 200 expected, standard deviation 7.
        assert!(early.abs_diff(200) < 35, "{early}");
    }

    #[test]
    fn a_part_without_a_class_is_refused() {
        let mut labels = vec![0; 1000];
        labels[..3].fill(1);
        let error = split(&labels, &Parts::from_array([600, 20, 20]), 1).unwrap_err().to_string();
        assert!(
            error.contains(
                "validation (20 patches) would have no patch of class 1; the file has 3 of them in 1000"
            ),
            "{error}"
        );
    }
}
