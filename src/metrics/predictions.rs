//! Labels and probabilities that belong together, checked once.

use super::MetricsError;

/// The labels of some images and the probabilities that a model gives them: at least one image, every
/// probability a number from 0 to 1. What holds a `Predictions` needs no further checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    labels: Vec<bool>,
    probabilities: Vec<f64>,
}

impl Predictions {
    /// Pairs `labels` (0 or 1) with the `probabilities` of class 1.
    ///
    /// # Errors
    /// The lists differ in length or are empty; a label is neither 0 nor 1; a probability is NaN or
    /// outside 0 to 1. The index of the offender is named.
    pub fn new(labels: &[u8], probabilities: &[f64]) -> Result<Self, MetricsError> {
        if labels.len() != probabilities.len() {
            let (labels, probabilities) = (labels.len(), probabilities.len());
            return Err(MetricsError::Lengths { labels, probabilities });
        }
        if labels.is_empty() {
            return Err(MetricsError::Empty);
        }
        if let Some((index, &value)) = labels.iter().enumerate().find(|(_, label)| **label > 1) {
            return Err(MetricsError::Label { index, value });
        }
        let in_range = |value: f64| (0.0..=1.0).contains(&value);
        if let Some((index, &value)) = probabilities.iter().enumerate().find(|(_, p)| !in_range(**p)) {
            return Err(MetricsError::Probability { index, value });
        }
        Ok(Self {
            labels: labels.iter().map(|&label| label == 1).collect(),
            probabilities: probabilities.to_vec(),
        })
    }

    /// How many images; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether each image is positive, with its probability, in the order given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (bool, f64)> + '_ {
        self.labels.iter().copied().zip(self.probabilities.iter().copied())
    }

    /// How many images are positive.
    #[must_use]
    pub fn positives(&self) -> usize {
        self.labels.iter().filter(|&&label| label).count()
    }

    /// Whether both classes occur.
    #[must_use]
    pub fn has_both_classes(&self) -> bool {
        (1..self.len()).contains(&self.positives())
    }

    /// The mean of `term` over the images.
    pub(super) fn mean(&self, term: impl Fn(bool, f64) -> f64) -> f64 {
        self.iter().map(|(label, p)| term(label, p)).sum::<f64>() / self.len() as f64
    }

    /// Images grouped by equal probability, the most probable first: the steps of every curve.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut sorted: Vec<_> = self.iter().collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        sorted.chunk_by(|a, b| a.1 == b.1).map(Group::of).collect()
    }
}

/// The images that share one probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Group {
    pub(super) probability: f64,
    pub(super) positives: usize,
    pub(super) negatives: usize,
}

impl Group {
    fn of(images: &[(bool, f64)]) -> Self {
        let positives = images.iter().filter(|image| image.0).count();
        Self { probability: images[0].1, positives, negatives: images.len() - positives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_wrong_and_where() {
        let of = |labels: &[u8], p: &[f64]| Predictions::new(labels, p).unwrap_err().to_string();
        assert_eq!(of(&[], &[]), "there are no images to evaluate");
        assert!(of(&[0, 1], &[0.5]).starts_with("there are 2 labels but 1 probabilities"));
        assert_eq!(of(&[0, 2], &[0.5, 0.5]), "the label of image 1 is 2, but labels are 0 or 1");
        assert!(of(&[0, 1, 1], &[0.1, 0.2, f64::NAN]).starts_with("the probability of image 2 is NaN"));
        assert!(of(&[0], &[1.5]).starts_with("the probability of image 0 is 1.5"));
        assert!(of(&[0], &[f64::INFINITY]).starts_with("the probability of image 0 is inf"));
    }

    #[test]
    fn zero_and_negative_zero_are_one_group() {
        let predictions = Predictions::new(&[0, 1, 1], &[-0.0, 0.0, 1.0]).unwrap();
        let groups = predictions.groups();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1], Group { probability: 0.0, positives: 1, negatives: 1 });
    }

    #[test]
    fn knows_whether_both_classes_occur() {
        let of = |labels: &[u8]| Predictions::new(labels, &vec![0.5; labels.len()]).unwrap();
        assert!(of(&[0, 1]).has_both_classes());
        assert!(!of(&[0, 0]).has_both_classes());
        assert!(!of(&[1]).has_both_classes());
    }
}
