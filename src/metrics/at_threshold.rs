//! The numbers of an evaluation that depend on the threshold.

use serde::{Deserialize, Serialize};

use super::{ChosenThreshold, ClassScores, ConfusionMatrix, Interval, Predictions, Scores, Undefined};

/// What a threshold makes of the images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AtThreshold {
    /// Rows true, columns predicted.
    pub confusion: ConfusionMatrix,
    /// The share of correctly classified images.
    pub accuracy: f64,
    /// Its interval (Wilson); null if all images are of one slide.
    pub accuracy_interval: Option<Interval>,
    /// Precision, recall, F1 and support of both classes.
    pub per_class: [ClassScores; 2],
    /// The mean over classes.
    pub macro_average: Scores,
    /// The mean over classes, weighted by support.
    pub weighted_average: Scores,
}

impl AtThreshold {
    pub(super) fn of(predictions: &Predictions, threshold: f64, classes: &[String; 2], level: f64) -> Self {
        let confusion = ConfusionMatrix::new(predictions, threshold);
        Self {
            confusion,
            accuracy: confusion.accuracy(),
            accuracy_interval: predictions.share_interval(level, |label, p| Some(label == (p > threshold))),
            per_class: ClassScores::of(predictions, threshold, classes, level),
            macro_average: Scores::macro_average(&confusion),
            weighted_average: Scores::weighted_average(&confusion),
        }
    }
}

/// The same numbers at a threshold that was chosen on other images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtChosenThreshold {
    /// The threshold, and how it was chosen.
    #[serde(flatten)]
    pub chosen: ChosenThreshold,
    /// What it makes of the images. Intervals take the threshold as given.
    #[serde(flatten)]
    pub at: AtThreshold,
    /// Matthews' correlation coefficient.
    pub mcc: f64,
    /// What is undefined, and why.
    pub undefined: Vec<Undefined>,
}

impl AtChosenThreshold {
    pub(super) fn of(
        predictions: &Predictions,
        chosen: ChosenThreshold,
        classes: &[String; 2],
        level: f64,
    ) -> Self {
        let at = AtThreshold::of(predictions, chosen.threshold, classes, level);
        let mcc = at.confusion.matthews();
        let undefined = Undefined::of(&at.confusion, classes);
        Self { chosen, at, mcc, undefined }
    }
}
