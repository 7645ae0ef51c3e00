//! Do explanations name what the model uses, and do they find the evidence? Insertion and deletion
//! (RISE, Petsiuk et al. 2018) and localisation of any number of methods on the same images.
//!
//! A [`Comparison`] goes into [`faithfulness`], which gives the [`Summary`] (the contents of
//! `summary.json`), a line per method and image ([`ImageScores`], `per-image.csv`) and the
//! [`GroupCurves`] for pictures. To compute curves, see [`fractions`] and [`auc`].

use std::collections::BTreeMap;

mod auc;
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
pub use check::ComparisonError;
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

/// Everything that is said of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    /// The contents of `summary.json`.
    pub summary: Summary,
    /// The lines of `per-image.csv`: method by method, in the order of the images.
    pub images: Vec<ImageScores>,
    /// Where the points of all curves lie.
    pub fractions: Vec<f64>,
    /// The mean curves by group, those of true positives first.
    pub curves: Vec<GroupCurves>,
}

/// Says everything that is to be said of a comparison. Runs on the threads of the current rayon pool; their
/// number changes nothing.
///
/// # Errors
/// The comparison's lists do not fit together, a score is no probability, or the settings mean nothing.
pub fn faithfulness(comparison: &Comparison) -> Result<Faithfulness, ComparisonError> {
    check::check(comparison)?;
    let slides = slides(comparison);
    Ok(Faithfulness {
        summary: summarise::summarise(comparison, slides.as_deref()),
        images: per_image::per_image(comparison),
        fractions: comparison.fractions.clone(),
        curves: mean_curves::group_curves(comparison, slides.as_deref()),
    })
}

fn slides(comparison: &Comparison) -> Option<Vec<usize>> {
    number_slides(comparison.images.iter().map(|image| image.slide.as_deref()))
}

/// The slides of images, numbered from 0 in the order in which they occur; `None` where not known.
pub(in crate::metrics) fn number_slides<'a>(
    slides: impl Iterator<Item = Option<&'a str>>,
) -> Option<Vec<usize>> {
    let mut numbers = BTreeMap::new();
    let number = |slide: Option<&'a str>| {
        let next = numbers.len();
        slide.map(|slide| *numbers.entry(slide).or_insert(next))
    };
    slides.map(number).collect()
}
