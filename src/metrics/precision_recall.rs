//! The precision-recall curve and the average precision.

use super::{Bootstrap, Interval, Predictions, ranks::Ranks};

/// The curve as scikit-learn's `precision_recall_curve` gives it: one point per distinct probability,
/// ascending, then the point (recall 0, precision 1).
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecallCurve {
    /// The share of the images predicted positive that are positive.
    pub precision: Vec<f64>,
    /// The share of the positive images that are predicted positive, descending from 1 to 0.
    pub recall: Vec<f64>,
}

impl PrecisionRecallCurve {
    /// The curve; `None` if only one class occurs.
    #[must_use]
    pub fn of(predictions: &Predictions) -> Option<Self> {
        if !predictions.has_both_classes() {
            return None;
        }
        let positives = predictions.positives() as f64;
        let (mut hits, mut called) = (0, 0);
        let mut points = vec![(1.0, 0.0)];
        for group in predictions.groups() {
            hits += group.positives.len();
            called += group.positives.len() + group.negatives.len();
            points.push((hits as f64 / called as f64, hits as f64 / positives));
        }
        let (precision, recall) = points.into_iter().rev().unzip();
        Some(Self { precision, recall })
    }

    /// The mean of the precisions, each weighted by the recall it adds: scikit-learn's
    /// `average_precision_score`, without interpolation.
    #[must_use]
    pub fn average_precision(&self) -> f64 {
        let steps = self.recall.windows(2).map(|pair| pair[0] - pair[1]);
        steps.zip(&self.precision).map(|(step, precision)| step * precision).sum()
    }
}

/// The percentile bootstrap of the average precision, over slides if they are known, else over images.
/// Resamples with one class are drawn again. `None` if only one class occurs, without resamples, or if all
/// resamples have the same value.
#[must_use]
pub fn average_precision_interval(predictions: &Predictions, bootstrap: &Bootstrap) -> Option<Interval> {
    let ranks = predictions.has_both_classes().then(|| Ranks::of(predictions))?;
    ranks.interval(bootstrap, Ranks::average_precision)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_scikit_learns_documented_example() {
        // The example of `sklearn.metrics.precision_recall_curve`.
        let predictions = Predictions::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8]).unwrap();
        let curve = PrecisionRecallCurve::of(&predictions).unwrap();
        assert_eq!(curve.precision, [0.5, 2.0 / 3.0, 0.5, 1.0, 1.0]);
        assert_eq!(curve.recall, [1.0, 1.0, 0.5, 0.5, 0.0]);
        assert!((curve.average_precision() - 0.833_333_333_333_333_3).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn lies_between_nothing_and_perfection(images in prop::collection::vec((0..2_u8, 0.0..=1.0_f64), 1..50)) {
            let (labels, probabilities): (Vec<_>, Vec<_>) = images.into_iter().unzip();
            let predictions = Predictions::new(&labels, &probabilities).unwrap();
            if let Some(curve) = PrecisionRecallCurve::of(&predictions) {
                let average = curve.average_precision();
                // The sum of up to 50 rounded products may pass 1 by a few units in the last place.
                prop_assert!(average > 0.0 && average < 1.0 + 1e-14, "{average}");
                prop_assert!(curve.recall.is_sorted_by(|a, b| a >= b));
            } else {
                prop_assert!(!predictions.has_both_classes());
            }
        }
    }
}
