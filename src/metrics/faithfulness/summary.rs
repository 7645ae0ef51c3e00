//! What is said of a comparison: the contents of `summary.json`.

use serde::{Deserialize, Serialize};

use super::{Group, Protocol};
use crate::metrics::{Bootstrap, Interval, MapRange, Undefined};

/// Every number of the definitions; what is undefined is null and listed under `undefined`.
///
/// The numbers of a method depend on its own maps and curves alone, and those of a difference on its two
/// methods: another method beside them changes nothing but `p-corrected`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// How many images.
    pub images: u64,
    /// From how many slides; null where that is not known. Where it is known slides are resampled,
    /// else images.
    pub slides: Option<u64>,
    /// How pixels were taken away and brought back.
    pub protocol: Protocol,
    /// How many points a curve has.
    pub points: u64,
    /// Where deletions end.
    pub deletion_baseline: String,
    /// Where insertions start.
    pub insertion_baseline: String,
    /// Positive is what has a probability above it.
    pub threshold: f64,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// Every method, in the order given.
    pub methods: Vec<MethodSummary>,
    /// Every two explanations, and every explanation against every control.
    pub differences: Vec<Difference>,
    /// What the model says to images without content.
    pub baselines: Vec<BaselineSummary>,
    /// What makes the curves say little, in sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What is undefined, and why.
    pub undefined: Vec<Undefined>,
    /// What a reader should know, in sentences.
    pub notes: Vec<String>,
}

/// What is said of one method.
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
    /// The same of the images that the model got right or wrong; all four groups, empty ones included.
    pub groups: Vec<GroupSummary>,
    /// How well its maps find the evidence.
    pub localisation: LocalisationSummaries,
}

/// The rows of maps that are not ordinary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OddMaps {
    /// 0 everywhere; their pixels go and come in row-major order.
    pub zero: Vec<i64>,
    /// One value, not 0, everywhere; likewise.
    pub constant: Vec<i64>,
    /// NaN or infinite somewhere: no curve, no localisation.
    pub not_finite: Vec<i64>,
}

impl OddMaps {
    /// Sorts out the maps of some rows.
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

/// A mean over images, with its spread and its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// How many images have a value.
    pub images: u64,
    /// From how many slides they are; null where that is not known.
    pub slides: Option<u64>,
    /// Their mean; null without images.
    pub mean: Option<f64>,
    /// The sample standard deviation over images (n - 1); null with fewer than two.
    pub sd: Option<f64>,
    /// Their median; null without images.
    pub median: Option<f64>,
    /// The percentile bootstrap of the mean; of a share, Wilson's interval. Null with fewer than two images (or
    /// slides), without resamples, and where all resamples have the same mean; a share always has one, but of
    /// one slide.
    pub interval: Option<Interval>,
    /// Of a paired difference: how often chance alone gives one as large, by a sign-flip test over slides or
    /// images. Missing elsewhere, and where there is no interval for want of units or resamples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// The same, corrected by Holm's method for all differences of the summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_corrected: Option<f64>,
}

/// The areas of one group of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupSummary {
    /// Which images.
    pub group: Group,
    /// How many there are.
    pub images: u64,
    /// The area under the deletion curve.
    pub deletion: Estimate,
    /// The area under the insertion curve.
    pub insertion: Estimate,
}

/// The localisation of positive images; null where there was nothing to hold maps against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalisationSummaries {
    /// Against the centre box: weak truth, for the label says nothing of the rest of the patch.
    pub centre_box: Option<LocalisationScores>,
    /// Against true masks.
    pub mask: Option<LocalisationScores>,
}

/// How well the maps of one method find one kind of region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalisationScores {
    /// How many maps were held against a region.
    pub images: u64,
    /// What random maps reach on average: the mean share of the image that lies inside.
    pub chance: f64,
    /// How many maps have no positive mass, so no energy: not averaged.
    pub without_energy: u64,
    /// The share of positive mass inside.
    pub energy: AgainstChance,
    /// The share of maps whose largest pixel lies inside.
    pub pointing: AgainstChance,
    /// Of as many largest pixels as lie inside, the share that does.
    pub rank: AgainstChance,
}

/// A score beside what chance would give on the same images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgainstChance {
    /// The score.
    pub score: Estimate,
    /// Its mean over the mean chance of the same images: above 1 is better than chance.
    pub lift: Option<f64>,
    /// The percentile bootstrap of the lift; of pointing, the interval of the score over the mean chance.
    pub lift_interval: Option<Interval>,
}

/// One method minus another, image by image, over the images on which both have a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The method.
    pub method: String,
    /// What is subtracted.
    pub against: String,
    /// Of the areas under the deletion curves: below 0 the method is better.
    pub deletion: Estimate,
    /// Of the areas under the insertion curves: above 0 the method is better.
    pub insertion: Estimate,
    /// Of the localisation against the centre box; null where there is none.
    pub centre_box: Option<LocalisationDifference>,
    /// Of the localisation against true masks; null where there is none.
    pub mask: Option<LocalisationDifference>,
}

impl Difference {
    /// All of its numbers.
    pub(super) fn estimates_mut(&mut self) -> impl Iterator<Item = &mut Estimate> {
        let regions = [&mut self.centre_box, &mut self.mask].into_iter().flatten();
        let located = regions.flat_map(|it| [&mut it.energy, &mut it.pointing, &mut it.rank]);
        [&mut self.deletion, &mut self.insertion].into_iter().chain(located)
    }
}

/// The difference of two methods' localisation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalisationDifference {
    /// Of the energies.
    pub energy: Estimate,
    /// Of pointing.
    pub pointing: Estimate,
    /// Of the ranks.
    pub rank: Estimate,
}

/// What the model says to one baseline, as the probability of each image's explained class.
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
