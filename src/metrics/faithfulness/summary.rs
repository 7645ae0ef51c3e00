//! The contents of `summary.json`.

use serde::{Deserialize, Serialize};

use super::{Group, Protocol};
use crate::metrics::{Bootstrap, Interval, MapRange, Undefined};

/// All numbers of a comparison; an undefined one is null and listed under `undefined`.
///
/// The numbers of a method depend only on its own maps and curves, and those of a difference only on its two
/// methods: other methods change nothing but `p-corrected`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// How many images.
    pub images: u64,
    /// From how many slides; null if that is not known. Known slides are resampled, otherwise images are.
    pub slides: Option<u64>,
    /// How pixels were deleted and inserted.
    pub protocol: Protocol,
    /// How many points a curve has.
    pub points: u64,
    /// The baseline of deletions, where they end.
    pub deletion_baseline: String,
    /// The baseline of insertions, where they start.
    pub insertion_baseline: String,
    /// Images with a probability above it are predicted positive.
    pub threshold: f64,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// Every method, in the order given.
    pub methods: Vec<MethodSummary>,
    /// Every pair of explanations, and every explanation with every control.
    pub differences: Vec<Difference>,
    /// The model's scores of images without content.
    pub baselines: Vec<BaselineSummary>,
    /// Why the curves may mean little, in sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What is undefined, and why.
    pub undefined: Vec<Undefined>,
    /// What a reader should know, in sentences.
    pub notes: Vec<String>,
}

/// The numbers of one method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MethodSummary {
    /// Its name.
    pub label: String,
    /// Whether it is a control.
    pub control: bool,
    /// Its maps that are not ordinary.
    pub odd_maps: OddMaps,
    /// The area under the deletion curve: low is good.
    pub deletion: Estimate,
    /// The area under the insertion curve: high is good.
    pub insertion: Estimate,
    /// The same by cell of the confusion matrix; all four groups, including empty ones.
    pub groups: Vec<GroupSummary>,
    /// How well its maps find the evidence.
    pub localisation: LocalisationSummaries,
}

/// The rows of maps that are not ordinary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OddMaps {
    /// 0 everywhere; their pixels are deleted and inserted in row-major order.
    pub zero: Vec<i64>,
    /// One other value everywhere; likewise.
    pub constant: Vec<i64>,
    /// NaN or infinite somewhere: no curve, no localisation.
    pub not_finite: Vec<i64>,
}

impl OddMaps {
    /// Finds the odd maps among those of some rows.
    pub fn of(maps: impl Iterator<Item = (i64, MapRange)>) -> Self {
        let mut odd = Self::default();
        for (row, map) in maps {
            match map {
                MapRange::Varied { .. } => (),
                MapRange::Zero => odd.zero.push(row),
                MapRange::Constant(_) => odd.constant.push(row),
                MapRange::NotFinite(_) => odd.not_finite.push(row),
            }
        }
        odd
    }
}

/// A mean over images, with its spread and its interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// How many images have a value.
    pub images: u64,
    /// From how many slides they are; null if that is not known.
    pub slides: Option<u64>,
    /// Their mean; null without images.
    pub mean: Option<f64>,
    /// The sample standard deviation over images (n - 1); null with fewer than two.
    pub sd: Option<f64>,
    /// Their median; null without images.
    pub median: Option<f64>,
    /// The percentile bootstrap of the mean; for a share, Wilson's interval. Null with fewer than two images (or
    /// slides), without resamples, and if all resamples have the same mean. The interval of a share is null only
    /// for images of one slide.
    pub interval: Option<Interval>,
    /// For a paired difference: the probability of one as large by chance, by a sign-flip test over slides or
    /// images. Missing with fewer than two of them, or without resamples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// The same, corrected by Holm's method for all differences of its measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_corrected: Option<f64>,
}

/// The areas of one group of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupSummary {
    /// Which images.
    pub group: Group,
    /// How many images.
    pub images: u64,
    /// The area under the deletion curve.
    pub deletion: Estimate,
    /// The area under the insertion curve.
    pub insertion: Estimate,
}

/// The localisation of positive images; null if there was no region to compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalisationSummaries {
    /// In the centre box: weak truth, because the label says nothing about the rest of the patch.
    pub centre_box: Option<LocalisationScores>,
    /// In true masks.
    pub mask: Option<LocalisationScores>,
}

/// How well the maps of one method find one kind of region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalisationScores {
    /// How many maps were compared with a region.
    pub images: u64,
    /// The result of random maps: the mean share of the image that is inside.
    pub chance: f64,
    /// How many maps have no positive mass, and so no energy: they are not averaged.
    pub without_energy: u64,
    /// The share of positive mass inside.
    pub energy: AgainstChance,
    /// The share of maps with their largest pixel inside.
    pub pointing: AgainstChance,
    /// For a region of K pixels, the share of the K largest pixels that are inside.
    pub rank: AgainstChance,
}

/// A score, compared with chance on the same images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgainstChance {
    /// The score.
    pub score: Estimate,
    /// Its mean over the mean chance of the same images: above 1 is better than chance.
    pub lift: Option<f64>,
    /// The percentile bootstrap of the lift; for pointing, the interval of the score over the mean chance.
    pub lift_interval: Option<Interval>,
}

/// One method minus another, image by image, over the images for which both have a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The method.
    pub method: String,
    /// What is subtracted.
    pub against: String,
    /// The difference of the areas under the deletion curves: below 0 the method is better.
    pub deletion: Estimate,
    /// The difference of the areas under the insertion curves: above 0 the method is better.
    pub insertion: Estimate,
    /// The difference of the localisation in the centre box; null if there is none.
    pub centre_box: Option<LocalisationDifference>,
    /// The difference of the localisation in true masks; null if there is none.
    pub mask: Option<LocalisationDifference>,
}

/// The difference of the localisation of two methods.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalisationDifference {
    /// The difference of the energies.
    pub energy: Estimate,
    /// The difference of pointing.
    pub pointing: Estimate,
    /// The difference of the ranks.
    pub rank: Estimate,
}

/// The model's scores of one baseline: the probability of each image's explained class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BaselineSummary {
    /// Which one.
    pub name: String,
    /// Its score over the images.
    pub score: Estimate,
    /// The lowest score; null without images.
    pub low: Option<f64>,
    /// The highest score; null without images.
    pub high: Option<f64>,
}
