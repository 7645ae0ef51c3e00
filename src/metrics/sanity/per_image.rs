//! The numbers of one map at one depth: a line of `per-image.csv`.

use serde::{Deserialize, Serialize};

use super::Randomisation;
use crate::metrics::faithfulness::MapKind;

/// One line; undefined values are empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RemadeScores {
    /// How many layers were initialised anew.
    pub depth: u64,
    /// The last of them; empty for the untouched model.
    pub layer: Option<String>,
    /// The image's row in the source.
    pub row: i64,
    /// Its label, 0 or 1.
    pub label: u8,
    /// Its slide, if known.
    pub slide: Option<String>,
    /// The kind of map: `ordinary`, `zero`, `constant` or `not-finite`.
    pub map: MapKind,
    /// Spearman's correlation with the original map.
    pub spearman: Option<f64>,
    /// The same for absolute values.
    pub absolute_spearman: Option<f64>,
    /// The share of positive mass in the region.
    pub energy: Option<f64>,
    /// Whether the map points into the region: 1 or 0.
    pub pointing: Option<u8>,
    /// The rank accuracy in the region.
    pub rank: Option<f64>,
    /// The share of the image that the region covers.
    pub chance: Option<f64>,
}

/// Every line, depth by depth.
#[must_use]
pub fn per_image(randomisation: &Randomisation) -> Vec<RemadeScores> {
    let mut lines = Vec::new();
    for (depth, at) in (0..).zip(&randomisation.depths) {
        for (image, map) in randomisation.images.iter().zip(&at.maps) {
            lines.push(RemadeScores {
                depth,
                layer: at.layer.clone(),
                row: image.row,
                label: image.positive.into(),
                slide: image.slide.clone(),
                map: MapKind::of(map.range),
                spearman: map.spearman,
                absolute_spearman: map.absolute,
                energy: map.located.and_then(|it| it.energy),
                pointing: map.located.map(|it| it.pointing.into()),
                rank: map.located.map(|it| it.rank),
                chance: map.located.map(|it| it.chance),
            });
        }
    }
    lines
}
