//! Precision, recall and F1, per class and averaged.

use serde::{Deserialize, Serialize};

use super::{ConfusionMatrix, Interval, Predictions, confusion::ratio};

/// Three numbers from 0 to 1; 0 if undefined, as in scikit-learn with `zero_division=0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The share of the images predicted as this class that belong to it.
    pub precision: f64,
    /// The share of the images of this class that are predicted as it.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
}

/// The scores of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClassScores {
    /// The name of the class.
    pub class: String,
    /// The share of the images predicted as this class that belong to it.
    pub precision: f64,
    /// Its interval, over `predicted` images; null without any, or if they are of one slide.
    pub precision_interval: Option<Interval>,
    /// The share of the images of this class that are predicted as it.
    pub recall: f64,
    /// Its interval, over `support` images; null without any, or if they are of one slide.
    pub recall_interval: Option<Interval>,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// How many images are predicted as this class.
    pub predicted: u64,
    /// How many images belong to it.
    pub support: u64,
}

impl Scores {
    /// The scores of one class (0 or 1).
    #[must_use]
    pub fn of_class(matrix: &ConfusionMatrix, class: usize) -> Self {
        let hits = matrix.counts[class][class];
        let (predicted, support) = (matrix.predicted(class), matrix.support(class));
        Self {
            precision: ratio(hits, predicted),
            recall: ratio(hits, support),
            f1: ratio(2 * hits, predicted + support),
        }
    }

    /// The mean over classes.
    #[must_use]
    pub fn macro_average(matrix: &ConfusionMatrix) -> Self {
        Self::mean(matrix, [1, 1])
    }

    /// The mean over classes, weighted by support.
    #[must_use]
    pub fn weighted_average(matrix: &ConfusionMatrix) -> Self {
        Self::mean(matrix, [0, 1].map(|class| matrix.support(class)))
    }

    fn mean(matrix: &ConfusionMatrix, weights: [u64; 2]) -> Self {
        let scores = [0, 1].map(|class| Self::of_class(matrix, class));
        let total = weights[0] + weights[1];
        let mean = |of: fn(&Self) -> f64| match total {
            0 => 0.0,
            _ => (of(&scores[0]) * weights[0] as f64 + of(&scores[1]) * weights[1] as f64) / total as f64,
        };
        Self { precision: mean(|s| s.precision), recall: mean(|s| s.recall), f1: mean(|s| s.f1) }
    }
}

impl ClassScores {
    /// The scores of both classes under their names.
    #[must_use]
    pub fn of(predictions: &Predictions, threshold: f64, classes: &[String; 2], level: f64) -> [Self; 2] {
        let matrix = ConfusionMatrix::new(predictions, threshold);
        [false, true].map(|is| {
            let class = usize::from(is);
            let Scores { precision, recall, f1 } = Scores::of_class(&matrix, class);
            let interval = |hit: &dyn Fn(bool, bool) -> Option<bool>| {
                predictions.share_interval(level, |label, p| hit(label == is, (p > threshold) == is))
            };
            Self {
                class: classes[class].clone(),
                precision,
                precision_interval: interval(&|belongs, given| given.then_some(belongs)),
                recall,
                recall_interval: interval(&|belongs, given| belongs.then_some(given)),
                f1,
                predicted: matrix.predicted(class),
                support: matrix.support(class),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_undefined_is_zero() {
        let matrix = ConfusionMatrix { counts: [[4, 0], [0, 0]] };
        assert_eq!(Scores::of_class(&matrix, 1), Scores { precision: 0.0, recall: 0.0, f1: 0.0 });
        assert_eq!(Scores::weighted_average(&matrix).f1, 1.0);
        assert_eq!(Scores::macro_average(&matrix).f1, 0.5);
    }
}
