//! What can be wrong with a comparison: its lists must describe the same images, points and methods.

use super::{Comparison, Method};
use crate::metrics::MetricsError;

/// A comparison that nothing can be said of.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ComparisonError {
    /// Nothing to compare on.
    #[error("there are no images to compare explanations on")]
    NoImages,
    /// Nothing to compare.
    #[error("there are no explanations to compare")]
    NoMethods,
    /// A threshold or a confidence level that is none.
    #[error(transparent)]
    Settings(#[from] MetricsError),
    /// Two methods of the same name.
    #[error("two explanations are called `{0}`: each needs a label of its own")]
    SameLabel(String),
    /// Two lists that should describe the same images.
    #[error("`{name}` has results for {got} images, but {images} images are compared")]
    Images {
        /// The method or the baseline.
        name: String,
        /// For how many images it has results.
        got: usize,
        /// How many there are.
        images: usize,
    },
    /// Fractions that are none.
    #[error("the points of a curve must ascend from 0 to 1")]
    Fractions,
    /// A curve with other points than the fractions say.
    #[error("`{label}`, row {row}: a curve has {got} points, but all others have {points}")]
    Points {
        /// The method.
        label: String,
        /// The image's row.
        row: i64,
        /// How many points its curve has.
        got: usize,
        /// How many it should have.
        points: usize,
    },
    /// A score that is no probability.
    #[error("`{name}`, row {row}: a score is {value}, not a number from 0 to 1: does the model give NaN?")]
    Score {
        /// The method or the baseline.
        name: String,
        /// The image's row.
        row: i64,
        /// The score.
        value: f64,
    },
    /// Slides of some images only.
    #[error("the slides of {known} of {images} images are known: it must be all or none")]
    Slides {
        /// Of how many images the slide is known.
        known: usize,
        /// How many images there are.
        images: usize,
    },
}

/// Checks a comparison once, so that what is computed from it needs no further checks.
pub(super) fn check(comparison: &Comparison) -> Result<(), ComparisonError> {
    let Comparison { images, methods, baselines, fractions, settings, .. } = comparison;
    if images.is_empty() {
        return Err(ComparisonError::NoImages);
    }
    if methods.is_empty() {
        return Err(ComparisonError::NoMethods);
    }
    if !(0.0..=1.0).contains(&settings.threshold) {
        return Err(MetricsError::Threshold(settings.threshold).into());
    }
    settings.bootstrap.check()?;
    let ascending = fractions.windows(2).all(|pair| pair[0] < pair[1]);
    if fractions.len() < 2 || !ascending || fractions.first() != Some(&0.0) || fractions.last() != Some(&1.0)
    {
        return Err(ComparisonError::Fractions);
    }
    check_slides(comparison)?;
    for (index, method) in methods.iter().enumerate() {
        if methods[..index].iter().any(|other| other.label == method.label) {
            return Err(ComparisonError::SameLabel(method.label.clone()));
        }
        check_method(comparison, method)?;
    }
    for baseline in baselines {
        same_images(&baseline.name, baseline.scores.len(), images.len())?;
        for (image, &score) in images.iter().zip(&baseline.scores) {
            check_scores(&baseline.name, image.row, &[score])?;
        }
    }
    Ok(())
}

fn check_slides(comparison: &Comparison) -> Result<(), ComparisonError> {
    let (images, slides) = (comparison.images.len(), comparison.images.iter().map(|image| &image.slide));
    match slides.flatten().count() {
        0 => Ok(()),
        known if known == images => Ok(()),
        known => Err(ComparisonError::Slides { known, images }),
    }
}

fn check_method(comparison: &Comparison, method: &Method) -> Result<(), ComparisonError> {
    let points = comparison.fractions.len();
    same_images(&method.label, method.explained.len(), comparison.images.len())?;
    for (image, explained) in comparison.images.iter().zip(&method.explained) {
        let Some(curves) = &explained.curves else { continue };
        for curve in [&curves.deletion, &curves.insertion] {
            if curve.len() != points {
                let (label, got) = (method.label.clone(), curve.len());
                return Err(ComparisonError::Points { label, row: image.row, got, points });
            }
            check_scores(&method.label, image.row, curve)?;
        }
    }
    Ok(())
}

fn same_images(name: &str, got: usize, images: usize) -> Result<(), ComparisonError> {
    if got == images {
        return Ok(());
    }
    Err(ComparisonError::Images { name: name.to_owned(), got, images })
}

fn check_scores(name: &str, row: i64, scores: &[f64]) -> Result<(), ComparisonError> {
    match scores.iter().find(|score| !(0.0..=1.0).contains(*score)) {
        None => Ok(()),
        Some(&value) => Err(ComparisonError::Score { name: name.to_owned(), row, value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::faithfulness::{Baseline, fixture};

    /// What is said of a good comparison after a change.
    fn wrong(change: impl FnOnce(&mut Comparison)) -> String {
        let mut comparison = fixture::comparison(6, 3);
        assert_eq!(check(&comparison), Ok(()));
        change(&mut comparison);
        check(&comparison).unwrap_err().to_string()
    }

    #[test]
    fn names_what_is_wrong_and_where() {
        assert_eq!(wrong(|it| it.images.clear()), "there are no images to compare explanations on");
        assert_eq!(wrong(|it| it.methods.clear()), "there are no explanations to compare");
        assert!(wrong(|it| it.settings.threshold = 1.5).starts_with("the threshold is 1.5"));
        assert!(wrong(|it| it.settings.bootstrap.level = 1.0).starts_with("the confidence level is 1"));
        assert!(wrong(|it| it.fractions[1] = 0.0).contains("must ascend from 0 to 1"));
        assert!(
            wrong(|it| it.methods[1].label = it.methods[0].label.clone()).starts_with("two explanations")
        );
        assert_eq!(
            wrong(|it| drop(it.methods[0].explained.pop())),
            "`grad-cam` has results for 5 images, but 6 images are compared"
        );
        let short = |it: &mut Comparison| {
            it.methods[0].explained[2].curves.as_mut().unwrap().insertion.truncate(96);
        };
        assert_eq!(wrong(short), "`grad-cam`, row 102: a curve has 96 points, but all others have 97");
        let nan = |it: &mut Comparison| {
            it.methods[0].explained[2].curves.as_mut().unwrap().deletion[5] = f64::NAN;
        };
        assert!(wrong(nan).starts_with("`grad-cam`, row 102: a score is NaN"));
        let baseline = Baseline { name: "black".to_owned(), scores: vec![0.5] };
        assert!(wrong(|it| it.baselines.push(baseline)).starts_with("`black` has results for 1 images"));
        assert!(wrong(|it| it.images[1].slide = None).starts_with("the slides of 5 of 6 images are known"));
    }
}
