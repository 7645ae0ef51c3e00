//! The confusion matrix of two classes, and the numbers that follow from it.

use serde::{Deserialize, Serialize};

use super::Predictions;

/// The number of images of each true class (row) by predicted class (column): `[[tn, fp], [fn, tp]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfusionMatrix {
    /// Rows true, columns predicted.
    pub counts: [[u64; 2]; 2],
}

impl ConfusionMatrix {
    /// Counts the images. Those with a probability *above* the threshold are predicted positive.
    #[must_use]
    pub fn new(predictions: &Predictions, threshold: f64) -> Self {
        let mut counts = [[0; 2]; 2];
        for (label, probability) in predictions.iter() {
            counts[usize::from(label)][usize::from(probability > threshold)] += 1;
        }
        Self { counts }
    }

    /// All images.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.support(0) + self.support(1)
    }

    /// Images of a class (0 or 1).
    #[must_use]
    pub fn support(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// Images predicted as a class (0 or 1).
    #[must_use]
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts[0][class] + self.counts[1][class]
    }

    /// The share of correctly classified images; 0 without images.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        ratio(self.counts[0][0] + self.counts[1][1], self.total())
    }

    /// The share of the images of class 1 that are predicted as such (sensitivity); 0 without such images.
    #[must_use]
    pub fn true_positive_rate(&self) -> f64 {
        ratio(self.counts[1][1], self.support(1))
    }

    /// The share of the images of class 0 that are predicted as class 1; 0 without such images.
    #[must_use]
    pub fn false_positive_rate(&self) -> f64 {
        ratio(self.counts[0][1], self.support(0))
    }

    /// Matthews' correlation coefficient, -1 to 1; 0 if a row or a column is empty (undefined).
    #[must_use]
    pub fn matthews(&self) -> f64 {
        let [[a, b], [c, d]] = self.counts.map(|row| row.map(|count| count as f64));
        let margins = (a + b) * (c + d) * (a + c) * (b + d);
        if margins == 0.0 { 0.0 } else { (a * d - b * c) / margins.sqrt() }
    }
}

/// `part / whole`; 0 if `whole` is 0, as in scikit-learn.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_at_the_threshold_is_negative() {
        let predictions = Predictions::new(&[0, 1, 1], &[0.5, 0.5, 0.500_000_1]).unwrap();
        assert_eq!(ConfusionMatrix::new(&predictions, 0.5).counts, [[1, 0], [1, 1]]);
    }

    #[test]
    fn matthews_of_a_worked_example() {
        // Wikipedia, "Phi coefficient": 6 true positives, 2 false negatives, 1 false positive, 3 true negatives.
        let matrix = ConfusionMatrix { counts: [[3, 1], [2, 6]] };
        assert!((matrix.matthews() - 0.478_091_443_733_757_45).abs() < 1e-12);
    }

    #[test]
    fn an_empty_margin_gives_zero() {
        assert_eq!(ConfusionMatrix { counts: [[5, 0], [3, 0]] }.matthews(), 0.0);
        assert_eq!(ConfusionMatrix { counts: [[0, 0], [1, 2]] }.false_positive_rate(), 0.0);
    }
}
