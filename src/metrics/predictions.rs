//! Labels and probabilities of the same images, checked once.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::{
    Interval,
    share::share_interval,
    ties::{self, same_probability},
};

/// The labels and probabilities of at least one image; every probability is a number from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    labels: Vec<bool>,
    probabilities: Vec<f64>,
    slides: Option<Vec<usize>>,
}

impl Predictions {
    /// Pairs `labels` (0 or 1) with the `probabilities` of class 1.
    ///
    /// # Errors
    /// The lists differ in length or are empty; a label is neither 0 nor 1; a probability is NaN or
    /// outside 0 to 1. The message names the image, counted from 0.
    pub fn new(labels: &[u8], probabilities: &[f64]) -> Result<Self> {
        let (images, count) = (labels.len(), probabilities.len());
        ensure!(images == count, "there are {images} labels but {count} probabilities");
        ensure!(images > 0, "there are no images to evaluate");
        for (image, (label, p)) in labels.iter().zip(probabilities).enumerate() {
            ensure!(*label <= 1, "the label of image {image} is {label}, but labels are 0 or 1");
            if !(0.0..=1.0).contains(p) {
                bail!(
                    "the probability of image {image} is {p}, not a number from 0 to 1: does the model give NaN?"
                );
            }
        }
        Ok(Self {
            labels: labels.iter().map(|&label| label == 1).collect(),
            probabilities: probabilities.to_vec(),
            slides: None,
        })
    }

    /// The same predictions, with the slide of each image.
    ///
    /// # Errors
    /// There are not as many slides as images.
    pub fn of_slides<S: Ord>(mut self, slides: &[S]) -> Result<Self> {
        let (known, images) = (slides.len(), self.len());
        ensure!(
            known == images,
            "the slides of {known} of {images} images are known: all must be known, or none"
        );
        let mut numbers: BTreeMap<&S, usize> = slides.iter().map(|slide| (slide, 0)).collect();
        // Numbered by name, so that the order of the images changes nothing.
        numbers.values_mut().zip(0..).for_each(|(number, next)| *number = next);
        self.slides = Some(slides.iter().map(|slide| numbers[slide]).collect());
        Ok(self)
    }

    /// The slide of each image, numbered from 0; `None` if slides are not known.
    #[must_use]
    pub fn slides(&self) -> Option<&[usize]> {
        self.slides.as_deref()
    }

    /// The number of slides; `None` if slides are not known.
    #[must_use]
    pub fn slide_count(&self) -> Option<usize> {
        self.slides().map(|slides| slides.iter().max().map_or(0, |last| last + 1))
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

    /// The interval of the share of hits among the images for which `hit` is `Some`. `None` without images, and
    /// if they are of one slide.
    pub(super) fn share_interval(
        &self,
        level: f64,
        hit: impl Fn(bool, f64) -> Option<bool>,
    ) -> Option<Interval> {
        let slide = |index| self.slides().map(|slides| slides[index]);
        let images = self.iter().enumerate();
        share_interval(images.filter_map(|(index, (label, p))| Some((hit(label, p)?, slide(index)))), level)
    }

    /// The images in groups of equal probability, the highest first: the steps of every curve. Probabilities
    /// that differ only by rounding are equal.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let p = |&index: &usize| self.probabilities[index];
        order.sort_by(|a, b| p(b).total_cmp(&p(a)));
        let groups = ties::groups(&order, |high, low| same_probability(p(high), p(low)));
        groups.into_iter().map(|images| self.group(images)).collect()
    }

    fn group(&self, images: &[usize]) -> Group {
        let (positives, negatives): (Vec<usize>, Vec<usize>) =
            images.iter().partition(|&&index| self.labels[index]);
        let [highest, lowest] = [0, images.len() - 1].map(|at| self.probabilities[images[at]]);
        Group { highest, lowest, positives, negatives }
    }
}

/// Images of equal probability, by index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) highest: f64,
    /// Differs from `highest` only by rounding.
    pub(super) lowest: f64,
    pub(super) positives: Vec<usize>,
    pub(super) negatives: Vec<usize>,
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
        assert_eq!(groups[1], Group { highest: 0.0, lowest: -0.0, positives: vec![1], negatives: vec![0] });
    }

    #[test]
    fn slides_are_numbered_by_name() {
        let predictions = Predictions::new(&[0, 1, 1], &[0.1, 0.2, 0.3]).unwrap();
        let of = |slides: &[&str]| predictions.clone().of_slides(slides);
        assert_eq!(of(&["b", "a", "b"]).unwrap().slides(), Some(&[1, 0, 1][..]));
        let error = of(&["a"]).unwrap_err().to_string();
        assert_eq!(error, "the slides of 1 of 3 images are known: all must be known, or none");
    }

    #[test]
    fn knows_whether_both_classes_occur() {
        let of = |labels: &[u8]| Predictions::new(labels, &vec![0.5; labels.len()]).unwrap();
        assert!(of(&[0, 1]).has_both_classes());
        assert!(!of(&[0, 0]).has_both_classes());
        assert!(!of(&[1]).has_both_classes());
    }
}
