//! Do explanations name what the model uses, and do they find the evidence? Insertion and deletion
//! (RISE, Petsiuk et al. 2018) and localisation of any number of methods on the same images.
//!
//! A [`Comparison`] goes into [`faithfulness`], which gives the [`Summary`] (the contents of
//! `summary.json`), a line per method and image ([`ImageScores`], `per-image.csv`) and the
//! [`MeanCurves`] for pictures. Whoever computes the curves needs [`fractions`], and [`auc`] for one of them.

mod auc;
mod comparison;
mod group;
mod mean_curves;
mod per_image;
mod summary;

pub use auc::{auc, fractions};
pub use comparison::{
    Baseline, Comparison, Curves, Explained, FaithfulnessSettings, Image, Method, Protocol,
};
pub use group::Group;
pub use mean_curves::{Band, MeanCurves};
pub use per_image::{ImageScores, MapKind};
pub use summary::{
    AgainstChance, BaselineSummary, Difference, Estimate, GroupSummary, LocalisationDifference,
    LocalisationScores, LocalisationSummaries, MethodSummary, OddMaps, Summary,
};

/// Everything that is said of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    /// The contents of `summary.json`.
    pub summary: Summary,
    /// The lines of `per-image.csv`: method by method, in the order of the images.
    pub images: Vec<ImageScores>,
    /// The mean curves, method by method.
    pub curves: Vec<MeanCurves>,
}
