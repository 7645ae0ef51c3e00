//! Groups of images by label and prediction.

use serde::{Deserialize, Serialize};

use super::{Comparison, Image};

/// One of the four cells of the confusion matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Label 1, predicted 1.
    TruePositive,
    /// Label 0, predicted 0.
    TrueNegative,
    /// Label 0, predicted 1.
    FalsePositive,
    /// Label 1, predicted 0.
    FalseNegative,
}

impl Group {
    /// All four, in the order of the reports.
    pub const ALL: [Self; 4] =
        [Self::TruePositive, Self::TrueNegative, Self::FalsePositive, Self::FalseNegative];

    /// The group of an image that is predicted positive if its probability is above `threshold`.
    #[must_use]
    pub fn of(image: &Image, threshold: f64) -> Self {
        Self::new(image.positive, image.probability > threshold)
    }

    /// The group of an image with this label and this prediction.
    #[must_use]
    pub fn new(positive: bool, predicted: bool) -> Self {
        match (positive, predicted) {
            (true, true) => Self::TruePositive,
            (false, false) => Self::TrueNegative,
            (false, true) => Self::FalsePositive,
            (true, false) => Self::FalseNegative,
        }
    }

    /// Whether each image of a comparison is in this group.
    pub(super) fn members(self, comparison: &Comparison) -> Vec<bool> {
        let threshold = comparison.settings.threshold;
        comparison.images.iter().map(|image| Self::of(image, threshold) == self).collect()
    }

    /// Its name in texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TruePositive => "true positive",
            Self::TrueNegative => "true negative",
            Self::FalsePositive => "false positive",
            Self::FalseNegative => "false negative",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_at_the_threshold_is_negative() {
        let group = |positive, probability| {
            let image = Image { row: 0, positive, probability, explains_positive: true, slide: None };
            Group::of(&image, 0.5)
        };
        assert_eq!(group(true, 0.5), Group::FalseNegative);
        assert_eq!(group(false, 0.5), Group::TrueNegative);
        assert_eq!(group(true, 0.51), Group::TruePositive);
        assert_eq!(group(false, 0.51), Group::FalsePositive);
    }
}
