//! Checks that the lists of a comparison describe the same images, points and methods.

use anyhow::{Result, bail, ensure};

use super::{Comparison, Method};
use crate::metrics::evaluation::check_threshold;

/// Checks a comparison once, so that nothing computed from it needs further checks.
pub(super) fn check(comparison: &Comparison) -> Result<()> {
    let Comparison { images, methods, baselines, fractions, settings, .. } = comparison;
    ensure!(!images.is_empty(), "there are no images to compare explanations on");
    ensure!(!methods.is_empty(), "there are no explanations to compare");
    check_threshold(settings.threshold)?;
    settings.bootstrap.check()?;
    let whole = (fractions.first(), fractions.last()) == (Some(&0.0), Some(&1.0));
    let ascending = fractions.is_sorted_by(|a, b| a < b);
    ensure!(whole && ascending, "the points of a curve must ascend from 0 to 1");
    let (known, count) = (images.iter().filter(|image| image.slide.is_some()).count(), images.len());
    ensure!(
        known == 0 || known == count,
        "the slides of {known} of {count} images are known: it must be all or none"
    );
    for (index, method) in methods.iter().enumerate() {
        let label = &method.label;
        let unique = methods[..index].iter().all(|other| other.label != *label);
        ensure!(unique, "two explanations are called `{label}`: each needs its own label");
        check_method(comparison, method)?;
    }
    for baseline in baselines {
        same_images(&baseline.name, baseline.scores.len(), count)?;
        for (image, &score) in images.iter().zip(&baseline.scores) {
            check_scores(&baseline.name, image.row, &[score])?;
        }
    }
    Ok(())
}

fn check_method(comparison: &Comparison, method: &Method) -> Result<()> {
    let (label, points) = (&method.label, comparison.fractions.len());
    same_images(label, method.explained.len(), comparison.images.len())?;
    for (image, explained) in comparison.images.iter().zip(&method.explained) {
        let Some(curves) = &explained.curves else { continue };
        for curve in [&curves.deletion, &curves.insertion] {
            let (row, got) = (image.row, curve.len());
            ensure!(
                got == points,
                "`{label}`, row {row}: a curve has {got} points, but all others have {points}"
            );
            check_scores(label, row, curve)?;
        }
    }
    Ok(())
}

fn same_images(name: &str, got: usize, images: usize) -> Result<()> {
    ensure!(got == images, "`{name}` has results for {got} images, but {images} images are compared");
    Ok(())
}

fn check_scores(name: &str, row: i64, scores: &[f64]) -> Result<()> {
    match scores.iter().find(|score| !(0.0..=1.0).contains(*score)) {
        None => Ok(()),
        Some(score) => {
            bail!(
                "`{name}`, row {row}: a score is {score}, not a number from 0 to 1: does the model give NaN?"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::faithfulness::{Baseline, fixture};

    /// The error of a good comparison after a change.
    fn wrong(change: impl FnOnce(&mut Comparison)) -> String {
        let mut comparison = fixture::comparison(6, 3);
        check(&comparison).unwrap();
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
