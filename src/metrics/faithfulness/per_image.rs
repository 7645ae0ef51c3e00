//! What is said of one method on one image: a line of `per-image.csv`.

use serde::{Deserialize, Serialize};

use super::{Comparison, Explained, Group, Image, scores::Scores};
use crate::metrics::{Localisation, MapRange};

/// One line; empty where a value is undefined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageScores {
    /// The method.
    pub method: String,
    /// The image's row in the source.
    pub row: i64,
    /// Its label, 0 or 1.
    pub label: u8,
    /// The probability that the model gives class 1.
    pub probability: f64,
    /// Whether the model got it right.
    pub group: Group,
    /// The class, 0 or 1, whose score is explained.
    pub explained: u8,
    /// Its slide, where that is known.
    pub slide: Option<String>,
    /// What kind of map it is: `ordinary`, `zero`, `constant` or `not-finite`.
    pub map: MapKind,
    /// The area under the deletion curve.
    pub deletion_auc: Option<f64>,
    /// The area under the insertion curve.
    pub insertion_auc: Option<f64>,
    /// The share of positive mass in the centre box.
    pub centre_box_energy: Option<f64>,
    /// Whether the map points into the centre box: 1 or 0.
    pub centre_box_pointing: Option<u8>,
    /// The rank accuracy in the centre box.
    pub centre_box_rank: Option<f64>,
    /// The share of positive mass in the true mask.
    pub mask_energy: Option<f64>,
    /// Whether the map points into the true mask: 1 or 0.
    pub mask_pointing: Option<u8>,
    /// The rank accuracy in the true mask.
    pub mask_rank: Option<f64>,
    /// The share of the image that the true mask covers.
    pub mask_chance: Option<f64>,
}

/// What kind of map it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapKind {
    /// Its pixels differ, and all are numbers.
    Ordinary,
    /// 0 everywhere.
    Zero,
    /// One other value everywhere.
    Constant,
    /// NaN or infinite somewhere.
    NotFinite,
}

impl MapKind {
    /// The kind of a map with these values.
    #[must_use]
    pub fn of(range: MapRange) -> Self {
        match range {
            MapRange::Varied { .. } => Self::Ordinary,
            MapRange::Zero => Self::Zero,
            MapRange::Constant(_) => Self::Constant,
            MapRange::NotFinite(_) => Self::NotFinite,
        }
    }
}

/// A line per method and image of a comparison that was checked.
pub(super) fn per_image(comparison: &Comparison) -> Vec<ImageScores> {
    let of_method = |method: &super::Method| {
        let scores = Scores::of(comparison, method);
        let images = comparison.images.iter().zip(&method.explained).enumerate();
        let line = |(at, (image, explained)): (usize, (&Image, &Explained))| {
            let blank = line(&method.label, image, explained, comparison.settings.threshold);
            ImageScores { deletion_auc: scores.deletion[at], insertion_auc: scores.insertion[at], ..blank }
        };
        images.map(line).collect::<Vec<_>>()
    };
    comparison.methods.iter().flat_map(of_method).collect()
}

/// A line without areas.
fn line(method: &str, image: &Image, explained: &Explained, threshold: f64) -> ImageScores {
    let (centre, mask) = (explained.centre_box, explained.mask);
    let pointing = |it: Localisation| u8::from(it.pointing);
    ImageScores {
        method: method.to_owned(),
        row: image.row,
        label: image.positive.into(),
        probability: image.probability,
        group: Group::of(image, threshold),
        explained: image.explains_positive.into(),
        slide: image.slide.clone(),
        map: MapKind::of(explained.map),
        deletion_auc: None,
        insertion_auc: None,
        centre_box_energy: centre.and_then(|it| it.energy),
        centre_box_pointing: centre.map(pointing),
        centre_box_rank: centre.map(|it| it.rank),
        mask_energy: mask.and_then(|it| it.energy),
        mask_pointing: mask.map(pointing),
        mask_rank: mask.map(|it| it.rank),
        mask_chance: mask.map(|it| it.chance),
    }
}
