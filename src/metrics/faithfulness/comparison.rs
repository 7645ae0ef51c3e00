//! What a comparison of explanations is made from: images, and what each method did on each of them.

use crate::metrics::{Bootstrap, Localisation, MapRange};

/// Explanations of the same score of one model on the same images.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The images, in the order in which everything else lists them.
    pub images: Vec<Image>,
    /// The explanations held against each other, controls among them, in the order of the reports.
    pub methods: Vec<Method>,
    /// What stands where pixels are missing, and what the model says to that alone.
    pub baselines: Vec<Baseline>,
    /// How pixels were taken away and brought back.
    pub protocol: Protocol,
    /// Where the points of every curve lie, ascending from 0 to 1: see [`Protocol`].
    pub fractions: Vec<f64>,
    /// Where a deletion ends: the name of a baseline, for example `black`.
    pub deletion_baseline: String,
    /// Where an insertion starts: the name of a baseline, for example `blur`.
    pub insertion_baseline: String,
    /// How it is summed up.
    pub settings: FaithfulnessSettings,
}

/// How a comparison is summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaithfulnessSettings {
    /// Positive is what has a probability above it.
    pub threshold: f64,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
}

/// How pixels are taken away and brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// In descending order of the map (RISE, Petsiuk et al. 2018); a fraction is the share of pixels
    /// deleted or inserted so far.
    Ranked,
    /// All at once where the map, normalised to 0..1, reaches a threshold; a fraction is that
    /// threshold. The notebook's, for comparison only.
    Threshold,
}

/// One image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Its row in the source.
    pub row: i64,
    /// Whether its label is 1.
    pub positive: bool,
    /// The probability that the model gives class 1.
    pub probability: f64,
    /// Whether the explained score is that of class 1 (else of class 0): the class whose probability
    /// the curves show.
    pub explains_positive: bool,
    /// The slide that it was cut from, where that is known (of all images or of none).
    pub slide: Option<String>,
}

impl Image {
    /// The probability of the explained class.
    #[must_use]
    pub fn score(&self) -> f64 {
        if self.explains_positive { self.probability } else { 1.0 - self.probability }
    }
}

/// One method: an explanation or a control.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// Its name in every report; no two methods share one.
    pub label: String,
    /// Whether it is a control, `random` or `centre`, that looks neither at the model nor the image.
    pub control: bool,
    /// What it did on each image, in the comparison's order.
    pub explained: Vec<Explained>,
}

/// What one method did on one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// What kind of map it is.
    pub map: MapRange,
    /// The scores while pixels go and come; `None` where the map has no order (it is not finite).
    pub curves: Option<Curves>,
    /// Against the centre box; of positive images with a finite map.
    pub centre_box: Option<Localisation>,
    /// Against the image's true mask; of positive images with a finite map and a mask that holds a pixel.
    pub mask: Option<Localisation>,
}

/// The probability of the explained class at every fraction.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// While pixels go, the most important first.
    pub deletion: Vec<f64>,
    /// While pixels come, the most important first.
    pub insertion: Vec<f64>,
}

/// An image without content, and what the model says to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// `black`, `blur`, ...
    pub name: String,
    /// Per image of the comparison: the probability of its explained class with every pixel replaced.
    pub scores: Vec<f64>,
}
