//! The numbers of one method on one image: a line of `per-image.csv`.

use serde::{Deserialize, Serialize};

use super::{Comparison, Explained, Group, Image, Method, auc};
use crate::metrics::{Localisation, MapRange};

/// One line; undefined values are empty.
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
    /// Its cell of the confusion matrix.
    pub group: Group,
    /// The class, 0 or 1, whose score is explained.
    pub explained: u8,
    /// Its slide, if known.
    pub slide: Option<String>,
    /// The kind of map: `ordinary`, `zero`, `constant` or `not-finite`.
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

/// The kind of a map.
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

/// A line for each method and image of a checked comparison.
pub(super) fn per_image(comparison: &Comparison) -> Vec<ImageScores> {
    let lines = comparison.methods.iter().flat_map(|method| {
        let images = comparison.images.iter().zip(&method.explained);
        images.map(move |(image, explained)| line(comparison, method, image, explained))
    });
    lines.collect()
}

fn line(comparison: &Comparison, method: &Method, image: &Image, explained: &Explained) -> ImageScores {
    let (curves, centre, mask) = (explained.curves.as_ref(), explained.centre_box, explained.mask);
    let area = |curve: &[f64]| auc(curve, &comparison.fractions);
    let pointing = |it: Localisation| u8::from(it.pointing);
    ImageScores {
        method: method.label.clone(),
        row: image.row,
        label: image.positive.into(),
        probability: image.probability,
        group: Group::of(image, comparison.settings.threshold),
        explained: image.explains_positive.into(),
        slide: image.slide.clone(),
        map: MapKind::of(explained.map),
        deletion_auc: curves.map(|curves| area(&curves.deletion)),
        insertion_auc: curves.map(|curves| area(&curves.insertion)),
        centre_box_energy: centre.and_then(|it| it.energy),
        centre_box_pointing: centre.map(pointing),
        centre_box_rank: centre.map(|it| it.rank),
        mask_energy: mask.and_then(|it| it.energy),
        mask_pointing: mask.map(pointing),
        mask_rank: mask.map(|it| it.rank),
        mask_chance: mask.map(|it| it.chance),
    }
}
