//! The best decision threshold for some predictions. It is chosen on validation images, and used on others.
//!
//! Candidates are the midpoints between neighbouring probabilities (if they differ by more than rounding), and
//! between these and 0 and 1, so that predicting all images positive, or none, can be best. Of equally good
//! candidates the one nearest to 0.5 is taken; of two equally near, the lower.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::Predictions;

/// The number that a threshold maximises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// The share of correctly classified images.
    Accuracy,
    /// Youden's J: the true positive rate minus the false positive rate (Youden 1950).
    Youden,
    /// F1 of class 1.
    F1,
}

impl Criterion {
    /// Its name in texts.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Youden => "Youden's J",
            Self::F1 => "F1",
        }
    }

    /// Its value for the images predicted positive. Computed from whole numbers and rounded once, so that
    /// equal values compare as equal.
    fn value(self, predicted: Counts, all: Counts) -> f64 {
        let [hits, alarms] = predicted.map(|count| count as f64);
        let [positives, negatives] = all.map(|count| count as f64);
        match self {
            Self::Accuracy => (hits + negatives - alarms) / (positives + negatives),
            Self::Youden => (hits * negatives - alarms * positives) / (positives * negatives),
            Self::F1 => 2.0 * hits / (hits + alarms + positives),
        }
    }
}

/// How many positives and negatives.
type Counts = [usize; 2];

/// A threshold, and how good it is on the images that it was chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChosenThreshold {
    /// Images with a probability above it are predicted positive.
    pub threshold: f64,
    /// The number that it maximises.
    pub criterion: Criterion,
    /// The criterion's value on the images that it was chosen on.
    pub validation_value: f64,
    /// How many images it was chosen on.
    pub validation_images: u64,
}

impl ChosenThreshold {
    /// The best threshold for some images.
    ///
    /// # Errors
    /// All images belong to one class.
    pub fn of(predictions: &Predictions, criterion: Criterion) -> Result<Self> {
        ensure!(
            predictions.has_both_classes(),
            "all images belong to one class, so that no threshold is better than the extreme ones"
        );
        let all = [predictions.positives(), predictions.len() - predictions.positives()];
        let candidates = candidates(predictions).into_iter();
        let valued = candidates.map(|(threshold, predicted)| (threshold, criterion.value(predicted, all)));
        // Candidates descend, and the last of equals is kept: the lower of two equally near.
        let (threshold, value) = valued.fold((0.5_f64, f64::NEG_INFINITY), |best, new| {
            let nearer = (new.0 - 0.5).abs() <= (best.0 - 0.5).abs();
            if new.1 > best.1 || (new.1 == best.1 && nearer) { new } else { best }
        });
        let validation_images = predictions.len() as u64;
        Ok(Self { threshold, criterion, validation_value: value, validation_images })
    }
}

/// Thresholds in descending order, each with the images predicted positive.
fn candidates(predictions: &Predictions) -> Vec<(f64, Counts)> {
    let (mut predicted, mut above) = ([0, 0], 1.0);
    let mut candidates = Vec::new();
    for group in predictions.groups() {
        candidates.extend(between(group.highest, above).map(|threshold| (threshold, predicted)));
        predicted[0] += group.positives.len();
        predicted[1] += group.negatives.len();
        above = group.lowest;
    }
    candidates.extend(between(0.0, above).map(|threshold| (threshold, predicted)));
    candidates
}

/// The midpoint of two probabilities, at least the lower and below the higher; `None` if they are equal.
fn between(low: f64, high: f64) -> Option<f64> {
    let middle = low + (high - low) / 2.0;
    // There is no float between two neighbouring ones, and the lower one separates them as well.
    (low < high).then_some(if middle < high { middle } else { low })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{ConfusionMatrix, Scores};

    fn predictions(images: &[(u8, f64)]) -> Predictions {
        let (labels, probabilities): (Vec<_>, Vec<_>) = images.iter().copied().unzip();
        Predictions::new(&labels, &probabilities).unwrap()
    }

    fn chosen(images: &[(u8, f64)], criterion: Criterion) -> ChosenThreshold {
        ChosenThreshold::of(&predictions(images), criterion).unwrap()
    }

    /// Two errors at 0.5, one at 0.25.
    const SKEWED: [(u8, f64); 6] = [(0, 0.1), (0, 0.2), (1, 0.3), (1, 0.4), (0, 0.45), (1, 0.9)];

    #[test]
    fn the_most_accurate_midpoint_is_taken() {
        let best = chosen(&SKEWED, Criterion::Accuracy);
        assert_eq!((best.threshold, best.validation_value, best.validation_images), (0.25, 5.0 / 6.0, 6));
    }

    #[test]
    fn of_equals_the_one_nearest_a_half_is_taken_and_of_those_the_lower() {
        // Everything between 0.2 and 0.8 is perfect: one midpoint.
        assert_eq!(chosen(&[(0, 0.2), (1, 0.8)], Criterion::Accuracy).threshold, 0.5);
        // Errors: 2 at 0.15, 1 at 0.4 and 1 at 0.7; 0.4 is nearer.
        let images = [(0, 0.1), (0, 0.2), (1, 0.6), (0, 0.6), (1, 0.8)];
        assert_eq!(chosen(&images, Criterion::Accuracy).threshold, 0.4);
        // Equally good and equally near: 0.375 and 0.625.
        let images = [(0, 0.25), (1, 0.5), (0, 0.5), (1, 0.75)];
        assert_eq!(chosen(&images, Criterion::Accuracy).threshold, 0.375);
    }

    #[test]
    fn nothing_or_everything_positive_can_be_best() {
        let nothing = chosen(&[(1, 0.1), (0, 0.6), (0, 0.8)], Criterion::Accuracy);
        assert_eq!((nothing.threshold, nothing.validation_value), (0.9, 2.0 / 3.0));
        let everything = chosen(&[(0, 0.9), (1, 0.6), (1, 0.8)], Criterion::Accuracy);
        assert_eq!((everything.threshold, everything.validation_value), (0.3, 2.0 / 3.0));
    }

    #[test]
    fn criteria_disagree_where_classes_are_of_unequal_size() {
        // Nine negatives, one of them above the only positive.
        let mut images: Vec<(u8, f64)> = (0..8).map(|at| (0, f64::from(at) / 100.0)).collect();
        images.extend([(1, 0.25), (0, 0.75)]);
        let of = |criterion| chosen(&images, criterion);
        assert_eq!(of(Criterion::Accuracy).validation_value, 0.9);
        let youden = of(Criterion::Youden);
        assert_eq!((youden.threshold, youden.validation_value), ((0.07 + 0.25) / 2.0, 1.0 - 1.0 / 9.0));
        assert_eq!(of(Criterion::F1).validation_value, 2.0 / 3.0);
    }

    #[test]
    fn rounding_is_not_divided() {
        let next = f64::from_bits(0.5_f64.to_bits() + 1);
        let best = chosen(&[(0, 0.5), (1, next), (1, next)], Criterion::Accuracy);
        assert_eq!((best.threshold, best.validation_value), (0.25, 2.0 / 3.0));
    }

    #[test]
    fn one_class_decides_nothing() {
        let error =
            ChosenThreshold::of(&predictions(&[(1, 0.2), (1, 0.8)]), Criterion::Accuracy).unwrap_err();
        assert!(error.to_string().starts_with("all images belong to one class"), "{error}");
    }

    fn value(predictions: &Predictions, criterion: Criterion, threshold: f64) -> f64 {
        let matrix = ConfusionMatrix::new(predictions, threshold);
        match criterion {
            Criterion::Accuracy => matrix.accuracy(),
            Criterion::Youden => matrix.true_positive_rate() - matrix.false_positive_rate(),
            Criterion::F1 => Scores::of_class(&matrix, 1).f1,
        }
    }

    proptest! {
        #[test]
        fn no_other_threshold_is_better_and_its_value_is_the_confusion_matrixs(
            images in prop::collection::vec((0..2_u8, (0..=16).prop_map(|p| f64::from(p) / 16.0)), 2..40),
            criterion in prop::sample::select(vec![Criterion::Accuracy, Criterion::Youden, Criterion::F1]),
            other in 0.0..1.0_f64,
        ) {
            let predictions = predictions(&images);
            prop_assume!(predictions.has_both_classes());
            let best = ChosenThreshold::of(&predictions, criterion).unwrap();
            prop_assert!((best.validation_value - value(&predictions, criterion, best.threshold)).abs() < 1e-12);
            for other in [other, 0.5] {
                prop_assert!(value(&predictions, criterion, other) <= best.validation_value + 1e-12);
            }
        }
    }
}
