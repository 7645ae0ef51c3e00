//! What an evaluation says beside the fixed threshold: the same images, divided by a chosen one.

use serde::{Deserialize, Serialize};

use super::{
    Averages, ChosenThreshold, ClassScores, ConfusionMatrix, Interval, Predictions, Scores, Undefined,
};

/// Every number of an evaluation that depends on the threshold, at a threshold chosen on other images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AtChosenThreshold {
    /// The threshold, and how it was chosen.
    #[serde(flatten)]
    pub chosen: ChosenThreshold,
    /// Rows true, columns predicted.
    pub confusion: ConfusionMatrix,
    /// The share of images that were given their class.
    pub accuracy: f64,
    /// Its interval, the threshold taken as given; null of one slide.
    pub accuracy_interval: Option<Interval>,
    /// Precision, recall, F1 and support of both classes.
    pub per_class: [ClassScores; 2],
    /// Every class counts the same.
    pub macro_average: Scores,
    /// Every class counts by its support.
    pub weighted_average: Scores,
    /// Matthews' correlation coefficient.
    pub mcc: f64,
    /// What is undefined, and why.
    pub undefined: Vec<Undefined>,
}

impl AtChosenThreshold {
    /// Divides images by a threshold that was chosen on others.
    #[must_use]
    pub fn of(predictions: &Predictions, chosen: ChosenThreshold, classes: &[String; 2], level: f64) -> Self {
        let threshold = chosen.threshold;
        let confusion = ConfusionMatrix::new(predictions, threshold);
        let averages = Averages::of(&confusion);
        Self {
            chosen,
            confusion,
            accuracy: confusion.accuracy(),
            accuracy_interval: predictions.accuracy_interval(threshold, level),
            per_class: ClassScores::of(predictions, threshold, classes, level),
            macro_average: averages.macro_average,
            weighted_average: averages.weighted_average,
            mcc: confusion.matthews(),
            undefined: Undefined::of(&confusion, classes),
        }
    }
}
