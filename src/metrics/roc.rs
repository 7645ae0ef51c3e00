//! The receiver operating characteristic, the area under it, and the interval of that area.

use super::{Bootstrap, Interval, Predictions, ranks::Ranks};

/// The curve as scikit-learn's `roc_curve(drop_intermediate=False)` gives it: one point per distinct
/// probability, descending, after the point (0, 0), where no image is predicted positive. Probabilities that
/// differ only by rounding are one point.
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    /// The share of negatives predicted positive, ascending from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// The share of positives predicted positive, ascending from 0 to 1.
    pub true_positive_rate: Vec<f64>,
}

impl RocCurve {
    /// The curve; `None` if only one class occurs, so that a rate is undefined.
    #[must_use]
    pub fn of(predictions: &Predictions) -> Option<Self> {
        if !predictions.has_both_classes() {
            return None;
        }
        let positives = predictions.positives() as f64;
        let negatives = predictions.len() as f64 - positives;
        let mut curve = Self { false_positive_rate: vec![0.0], true_positive_rate: vec![0.0] };
        let (mut hits, mut alarms) = (0, 0);
        for group in predictions.groups() {
            hits += group.positives.len();
            alarms += group.negatives.len();
            curve.false_positive_rate.push(alarms as f64 / negatives);
            curve.true_positive_rate.push(hits as f64 / positives);
        }
        Some(curve)
    }
}

/// The area under the curve: the chance that a positive image gets a higher probability than a
/// negative one; ties count half. `None` if only one class occurs.
///
/// Counted in whole numbers, so the order of the images changes nothing.
#[must_use]
pub fn roc_auc(predictions: &Predictions) -> Option<f64> {
    Ranks::of(predictions).auc(&vec![1; predictions.len()])
}

/// The percentile bootstrap of the area, over slides if they are known, else over images. Resamples with one
/// class are drawn again. `None` if only one class occurs, without resamples, or if all resamples have the
/// same area.
///
/// Images are numbered by rank, so their order changes nothing here either.
#[must_use]
pub fn roc_auc_interval(predictions: &Predictions, bootstrap: &Bootstrap) -> Option<Interval> {
    predictions.has_both_classes().then(|| Ranks::of(predictions).interval(bootstrap, Ranks::auc))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::PrecisionRecallCurve;

    #[test]
    fn equal_images_have_the_area_of_chance_and_alike_slides_widen_the_interval() {
        // Sixty equal patches; the last twelve were computed in a smaller batch.
        let logit = -0.056_398_62_f32;
        let other = f32::from_bits(logit.to_bits() - 1);
        let images: Vec<_> = (0..60)
            .map(|at| {
                (
                    u8::from(at % 2 == 0 || at > 50),
                    crate::metrics::sigmoid(if at < 48 { logit } else { other }),
                )
            })
            .collect();
        assert_eq!(roc_auc(&predictions(&images)), Some(0.5));
        // Ten slides of twelve patches each that share label and probability.
        let images: Vec<_> =
            (0..120).map(|at| (u8::from(at / 12 % 2 == 0), [0.6, 0.2, 0.3, 0.7, 0.8][at / 12 % 5])).collect();
        let slides: Vec<_> = (0..120).map(|at| at / 12).collect();
        let of = |predictions: &Predictions| {
            let ends =
                roc_auc_interval(predictions, &Bootstrap { resamples: 500, ..Bootstrap::default() }).unwrap();
            ends.high - ends.low
        };
        let by_slide = of(&predictions(&images).of_slides(&slides).unwrap());
        assert!(by_slide > 2.5 * of(&predictions(&images)), "{by_slide}");
        // One image per slide: slides are images.
        let each: Vec<_> = (0..120).collect();
        assert!(
            (of(&predictions(&images).of_slides(&each).unwrap()) - of(&predictions(&images))).abs() < 0.03
        );
    }

    fn predictions(images: &[(u8, f64)]) -> Predictions {
        let (labels, probabilities): (Vec<_>, Vec<_>) = images.iter().copied().unzip();
        Predictions::new(&labels, &probabilities).unwrap()
    }

    /// Few distinct probabilities, so that ties are the rule.
    fn images() -> impl Strategy<Value = Vec<(u8, f64)>> {
        prop::collection::vec((0..2_u8, (0..=8).prop_map(|p| f64::from(p) / 8.0)), 1..60)
    }

    fn pairwise(images: &[(u8, f64)]) -> Option<f64> {
        let of = |class| images.iter().filter(move |image| image.0 == class).map(|image| image.1);
        let wins = of(1).flat_map(|p| {
            of(0).map(move |q| {
                if p > q {
                    1.0
                } else if p == q {
                    0.5
                } else {
                    0.0
                }
            })
        });
        let wins: Vec<f64> = wins.collect();
        (!wins.is_empty()).then(|| wins.iter().sum::<f64>() / wins.len() as f64)
    }

    proptest! {
        #[test]
        fn is_the_share_of_pairs_in_order(images in images()) {
            match (roc_auc(&predictions(&images)), pairwise(&images)) {
                (Some(got), Some(expected)) => prop_assert!((got - expected).abs() < 1e-12),
                (got, expected) => prop_assert_eq!(got, expected),
            }
        }

        #[test]
        fn rounding_in_the_last_digits_changes_nothing(images in images(), digits in 0..4_u64) {
            let noisy = |(at, &(label, p)): (usize, &(u8, f64))| {
                let logit = (p / (1.0 - p)).ln() as f32;
                let noise = f32::from_bits(logit.to_bits().wrapping_add((at as u64 * 7 + digits) as u32 % 5));
                (label, if logit.is_finite() { crate::metrics::sigmoid(noise) } else { p })
            };
            let noisy: Vec<_> = images.iter().enumerate().map(noisy).collect();
            let (noisy, exact) = (predictions(&noisy), predictions(&images));
            prop_assert_eq!(roc_auc(&noisy), roc_auc(&exact));
            let average = |it| PrecisionRecallCurve::of(it).map(|curve| curve.average_precision());
            prop_assert_eq!(average(&noisy), average(&exact));
        }

        #[test]
        fn depends_only_on_the_order_of_probabilities(images in images()) {
            let squeezed: Vec<_> = images.iter().map(|&(label, p)| (label, 0.25 + p * p / 2.0)).collect();
            prop_assert_eq!(roc_auc(&predictions(&images)), roc_auc(&predictions(&squeezed)));
        }

        #[test]
        fn exchanging_the_classes_mirrors_it(images in images()) {
            let mirrored: Vec<_> = images.iter().map(|&(label, p)| (1 - label, 1.0 - p)).collect();
            prop_assert_eq!(roc_auc(&predictions(&images)), roc_auc(&predictions(&mirrored)));
        }

        #[test]
        fn the_order_of_images_changes_neither_area_nor_interval(images in images(), seed in 0..9_u64) {
            let mut moved = images.clone();
            moved.rotate_left(images.len() / 3);
            moved.reverse();
            let bootstrap = Bootstrap { resamples: 20, seed, ..Bootstrap::default() };
            let of = |images: &[(u8, f64)]| {
                let predictions = predictions(images);
                (roc_auc(&predictions), roc_auc_interval(&predictions, &bootstrap), RocCurve::of(&predictions))
            };
            prop_assert_eq!(of(&images), of(&moved));
        }

        #[test]
        fn the_trapezoids_of_the_curve_add_up_to_it(images in images()) {
            let predictions = predictions(&images);
            let Some(curve) = RocCurve::of(&predictions) else {
                prop_assert_eq!(roc_auc(&predictions), None);
                return Ok(());
            };
            let (x, y) = (&curve.false_positive_rate, &curve.true_positive_rate);
            let area: f64 = (1..x.len()).map(|i| (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2.0).sum();
            prop_assert!((area - roc_auc(&predictions).unwrap()).abs() < 1e-12);
            prop_assert_eq!((x.last(), y.last()), (Some(&1.0), Some(&1.0)));
        }
    }
}
