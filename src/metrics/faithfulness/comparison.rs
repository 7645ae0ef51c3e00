//! The data of a comparison of explanations: images, and the results of each method on each of them.

use crate::metrics::{Bootstrap, Localisation, MapRange};

/// Explanations of the same score of one model on the same images.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The images; all other lists have their order.
    pub images: Vec<Image>,
    /// The explanations and controls, in the order of the reports.
    pub methods: Vec<Method>,
    /// The replacements of deleted pixels, with the model's scores of them alone.
    pub baselines: Vec<Baseline>,
    /// How pixels were deleted and inserted.
    pub protocol: Protocol,
    /// The positions of the points of every curve, ascending from 0 to 1: see [`Protocol`].
    pub fractions: Vec<f64>,
    /// The name of the baseline where a deletion ends, for example `black`.
    pub deletion_baseline: String,
    /// The name of the baseline where an insertion starts, for example `blur`.
    pub insertion_baseline: String,
    /// How it is summarised.
    pub settings: FaithfulnessSettings,
}

/// How a comparison is summarised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaithfulnessSettings {
    /// Images with a probability above it are predicted positive.
    pub threshold: f64,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// Whether labels describe a centre box, with which the maps of positives are compared.
    pub centre_box: bool,
}

/// How pixels are deleted and inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// In descending order of the map (RISE, Petsiuk et al. 2018); a fraction is the share of pixels
    /// deleted or inserted so far.
    Ranked,
    /// All pixels at which the map, normalised to 0..1, reaches a threshold; a fraction is that threshold. The
    /// notebook's protocol, for comparison only.
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
    /// Whether class 1 is explained (otherwise class 0). The curves show the probability of the explained class.
    pub explains_positive: bool,
    /// Its slide, if known (for all images or for none).
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
    /// Whether it is a control, `random` or `centre`, which depends neither on the model nor on the image.
    pub control: bool,
    /// Its results on each image.
    pub explained: Vec<Explained>,
}

/// The results of one method on one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The range of its map.
    pub map: MapRange,
    /// The scores while pixels are deleted and inserted; `None` if the map is not finite and has no order.
    pub curves: Option<Curves>,
    /// In the centre box, for positive images with a finite map.
    pub centre_box: Option<Localisation>,
    /// In the image's true mask, for positive images with a finite map and a mask that is not empty.
    pub mask: Option<Localisation>,
}

/// The probability of the explained class at every fraction.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// While pixels are deleted, the most important first.
    pub deletion: Vec<f64>,
    /// While pixels are inserted, the most important first.
    pub insertion: Vec<f64>,
}

/// An image without content, and the model's scores of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// `black`, `blur`, ...
    pub name: String,
    /// For each image: the probability of its explained class with every pixel replaced.
    pub scores: Vec<f64>,
}
