//! Spearman's rank correlation of two maps: do they order the pixels alike?

use anyhow::{Result, ensure};

use super::{
    by_value_descending,
    ties::{groups, same_pixel},
};

/// Spearman's rho of two maps of the same size, -1 to 1: Pearson's correlation of the ranks, where equal
/// values share their average rank, as in `scipy.stats.spearmanr`. Values that differ only by rounding (2e-6
/// of the map's largest magnitude) are equal. `None` if one of the maps is constant or a pixel is not finite.
///
/// Computed in whole numbers up to the last division, so that a map and itself give exactly 1.
///
/// ```
/// use pcamflow::metrics::spearman;
///
/// assert_eq!(spearman(&[0.1, 0.5, 0.3], &[1.0, 9.0, 2.0]).unwrap(), Some(1.0));
/// assert_eq!(spearman(&[0.1, 0.5, 0.3], &[7.0, 7.0, 7.0]).unwrap(), None);
/// ```
///
/// # Errors
/// The maps differ in size.
pub fn spearman(a: &[f32], b: &[f32]) -> Result<Option<f64>> {
    let (first, second) = (a.len(), b.len());
    ensure!(first == second, "one map has {first} pixels, the other {second}: they cannot be compared");
    if !a.iter().chain(b).all(|value| value.is_finite()) {
        return Ok(None);
    }
    let (a, b) = (centred_ranks(a), centred_ranks(b));
    let (both, alone) = (product(&a, &b), product(&a, &a) as f64 * product(&b, &b) as f64);
    Ok((alone > 0.0).then(|| both as f64 / alone.sqrt()))
}

/// Twice the difference of each value's average rank and the mean rank, a whole number.
fn centred_ranks(values: &[f32]) -> Vec<i64> {
    let order = by_value_descending(values);
    let same = same_pixel(values.iter().fold(0.0, |largest, value| value.abs().max(largest)));
    let last = values.len() as i64 - 1;
    let (mut ranks, mut start) = (vec![0; values.len()], 0);
    for tied in groups(&order, |&high, &low| same(values[high], values[low])) {
        // The first and the last rank of these add up to twice their average.
        let end = start + tied.len() as i64;
        tied.iter().for_each(|&at| ranks[at] = start + end - 1 - last);
        start = end;
    }
    ranks
}

fn product(a: &[i64], b: &[i64]) -> i128 {
    a.iter().zip(b).map(|(a, b)| i128::from(a * b)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn maps() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        let map = || (-4..4_i8).prop_map(f32::from);
        prop::collection::vec((map(), map()), 2..60).prop_map(|pixels| pixels.into_iter().unzip())
    }

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.spearmanr(a, b).statistic
        let cases: [(&[f32], &[f32], f64); 3] = [
            (&[1.0, 2.0, 2.0, 4.0, 0.0, -1.0], &[0.0, 1.0, 1.0, 3.0, 3.0, -2.0], 0.537_373_290_623_878_8),
            (
                &[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0],
                &[2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0, 2.0, 8.0],
                0.134_715_062_810_912_67,
            ),
            (&[0.0, -0.0, 1.0, 2.0], &[5.0, 4.0, 3.0, 2.0], -0.948_683_298_050_513_9),
        ];
        for (a, b, expected) in cases {
            let got = spearman(a, b).unwrap().unwrap();
            assert!((got - expected).abs() < 1e-14, "{got}, not {expected}");
        }
    }

    #[test]
    fn is_undefined_where_there_is_no_order() {
        let map = [1.0, 2.0, 3.0];
        for other in [[5.0; 3], [f32::NAN, 1.0, 2.0], [f32::INFINITY, 1.0, 2.0]] {
            assert_eq!(spearman(&map, &other).unwrap(), None);
            assert_eq!(spearman(&other, &map).unwrap(), None);
        }
        assert_eq!(spearman(&[], &[]).unwrap(), None);
        let error = spearman(&map, &[1.0]).unwrap_err();
        assert_eq!(error.to_string(), "one map has 3 pixels, the other 1: they cannot be compared");
    }

    #[test]
    fn a_plateau_of_rounding_has_no_order() {
        // An occlusion map: noise where the window changes nothing, evidence elsewhere.
        let noise = |seed: usize| (0..90).map(move |at| ((at * seed) % 13) as f32 * 1e-8);
        let map = |seed| -> Vec<f32> { noise(seed).chain((0..10).map(|at| 0.1 * at as f32)).collect() };
        assert_eq!(spearman(&map(5), &map(7)).unwrap(), Some(1.0));
    }

    proptest! {
        #[test]
        fn a_map_and_itself_agree_exactly_and_its_negative_disagrees((a, _) in maps()) {
            prop_assume!(a.iter().any(|value| *value != a[0]));
            let negative: Vec<f32> = a.iter().map(|value| -value).collect();
            prop_assert_eq!(spearman(&a, &a).unwrap(), Some(1.0));
            prop_assert_eq!(spearman(&a, &negative).unwrap(), Some(-1.0));
        }

        #[test]
        fn is_symmetric_bounded_and_depends_only_on_the_order((a, b) in maps()) {
            let bent: Vec<f32> = a.iter().map(|value| value.exp()).collect();
            let rho = spearman(&a, &b).unwrap();
            prop_assert_eq!(rho, spearman(&b, &a).unwrap());
            prop_assert_eq!(rho, spearman(&bent, &b).unwrap());
            prop_assert!(rho.is_none_or(|rho| (-1.0..=1.0).contains(&rho)));
        }

        #[test]
        fn is_pearsons_correlation_of_average_ranks((a, b) in maps()) {
            let n = a.len() as f64;
            let ranks = |of: &[f32]| -> Vec<f64> {
                let below = |x: f32| of.iter().filter(|&&y| y < x).count() as f64;
                let equal = |x: f32| of.iter().filter(|&&y| y == x).count() as f64;
                of.iter().map(|&x| below(x) + (equal(x) + 1.0) / 2.0 - (n + 1.0) / 2.0).collect()
            };
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (x, y) = (ranks(&a), ranks(&b));
            let expected = dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt();
            match spearman(&a, &b).unwrap() {
                Some(rho) => prop_assert!((rho - expected).abs() < 1e-12),
                None => prop_assert!(expected.is_nan()),
            }
        }
    }
}
