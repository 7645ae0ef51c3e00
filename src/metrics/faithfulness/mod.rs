//! Do explanations show what the model uses, and do they find the evidence? Insertion and deletion (RISE,
//! Petsiuk et al. 2018) and localisation of any number of methods on the same images.
//!
//! [`faithfulness`] turns a [`Comparison`] into the [`Summary`] (the contents of `summary.json`), a line for each
//! method and image ([`ImageScores`], `per-image.csv`), and the [`GroupCurves`] for pictures.

use anyhow::Result;

mod auc;
mod best;
mod check;
mod comparison;
pub(in crate::metrics) mod estimates;
#[cfg(test)]
pub(crate) mod fixture;
mod group;
mod mean_curves;
mod measure;
mod per_image;
pub(in crate::metrics) mod remarks;
pub(in crate::metrics) mod scores;
mod sign_flip;
pub(in crate::metrics) mod summarise;
mod summary;
#[cfg(test)]
mod tests;

pub use auc::{auc, fractions};
pub use best::{Best, SIGNIFICANT, best};
pub use comparison::{
    Baseline, Comparison, Curves, Explained, FaithfulnessSettings, Image, Method, Protocol,
};
pub use group::Group;
pub use mean_curves::{Band, GroupCurves, MeanCurves};
pub use measure::{Measure, Truth};
pub use per_image::{ImageScores, MapKind};
pub use summary::{
    AgainstChance, BaselineSummary, Difference, Estimate, GroupSummary, LocalisationDifference,
    LocalisationScores, LocalisationSummaries, MethodSummary, OddMaps, Summary,
};

/// The results of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    /// The contents of `summary.json`.
    pub summary: Summary,
    /// The lines of `per-image.csv`: method by method, in the order of the images.
    pub images: Vec<ImageScores>,
    /// The positions of the points of all curves.
    pub fractions: Vec<f64>,
    /// The mean curves by group, true positives first.
    pub curves: Vec<GroupCurves>,
}

/// Evaluates a comparison. Runs on the threads of the current rayon pool; their number changes no result.
///
/// # Errors
/// The comparison's lists do not fit together, a score is not a probability, or the settings are invalid.
pub fn faithfulness(comparison: &Comparison) -> Result<Faithfulness> {
    check::check(comparison)?;
    let slides = number_slides(comparison.images.iter().map(|image| image.slide.as_deref()));
    Ok(Faithfulness {
        summary: summarise::summarise(comparison, slides.as_deref()),
        images: per_image::per_image(comparison),
        fractions: comparison.fractions.clone(),
        curves: mean_curves::group_curves(comparison, slides.as_deref()),
    })
}

/// The slides of images, numbered from 0 in the order in which they occur; `None` if not known.
pub(in crate::metrics) fn number_slides<'a>(
    slides: impl Iterator<Item = Option<&'a str>>,
) -> Option<Vec<usize>> {
    slides.collect::<Option<Vec<&str>>>().map(estimates::numbered)
}
