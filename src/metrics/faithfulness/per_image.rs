//! What is said of one method on one image: a line of `per-image.csv`.

use serde::{Deserialize, Serialize};

use super::Group;

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
