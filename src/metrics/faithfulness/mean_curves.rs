//! The mean curves of a method, with bands: for pictures and tables of curves.

use super::{
    Comparison, Curves, Method,
    estimates::{Question, estimates},
};
use crate::metrics::{Bootstrap, Interval};

/// Bands are looked at, not quoted: a thousand resamples put their edges where ten thousand do, to within
/// a few hundredths of their width.
const RESAMPLES: u32 = 1000;

/// The mean curves of one method.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanCurves {
    /// The method.
    pub label: String,
    /// Whether it is a control.
    pub control: bool,
    /// While pixels go; `None` where no image has a curve.
    pub deletion: Option<Band>,
    /// While pixels come; `None` where no image has a curve.
    pub insertion: Option<Band>,
}

/// A mean over images at every fraction, and how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The mean over images.
    pub mean: Vec<f64>,
    /// The pointwise percentile bootstrap of the mean, over slides where they are known, else images, of at
    /// most 1,000 resamples; `None` with fewer than two images (or slides), or without resamples.
    pub interval: Option<Vec<Interval>>,
}

/// The mean curves of every method of a comparison that was checked.
pub(super) fn mean_curves(comparison: &Comparison, slides: Option<&[usize]>) -> Vec<MeanCurves> {
    let each = |method: &Method| MeanCurves {
        label: method.label.clone(),
        control: method.control,
        deletion: band(comparison, method, slides, |curves| &curves.deletion),
        insertion: band(comparison, method, slides, |curves| &curves.insertion),
    };
    comparison.methods.iter().map(each).collect()
}

fn band(
    comparison: &Comparison,
    method: &Method,
    slides: Option<&[usize]>,
    curve: impl Fn(&Curves) -> &Vec<f64>,
) -> Option<Band> {
    let at = |point: usize| {
        let score = |curves: &Curves| curve(curves)[point];
        Question::mean(method.explained.iter().map(|explained| explained.curves.as_ref().map(score)))
    };
    let questions: Vec<Question> = (0..comparison.fractions.len()).map(at).collect();
    let bootstrap = comparison.settings.bootstrap;
    let bootstrap = Bootstrap { resamples: bootstrap.resamples.min(RESAMPLES), ..bootstrap };
    let points = estimates(&questions, slides, &bootstrap);
    let mean = points.iter().map(|point| point.mean).collect::<Option<Vec<f64>>>()?;
    Some(Band { mean, interval: points.iter().map(|point| point.interval).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::faithfulness::fixture;

    #[test]
    fn the_mean_lies_in_its_band_and_starts_where_every_curve_starts() {
        let comparison = fixture::comparison(30, 3);
        let curves = mean_curves(&comparison, None);
        assert_eq!(
            curves.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(),
            ["grad-cam", "random", "centre"]
        );
        let band = curves[0].deletion.as_ref().unwrap();
        let probabilities = comparison.images.iter().map(|image| image.probability).sum::<f64>() / 30.0;
        assert!((band.mean[0] - probabilities).abs() < 1e-12 && band.mean.len() == 97);
        let interval = band.interval.as_ref().unwrap();
        assert!(band.mean.iter().zip(interval).all(|(mean, ends)| ends.low <= *mean && *mean <= ends.high));
    }

    #[test]
    fn one_image_has_no_band_and_none_no_curve() {
        let mut comparison = fixture::comparison(2, 2);
        comparison.methods[0].explained[1].curves = None;
        let curves = mean_curves(&comparison, None);
        assert_eq!(curves[0].insertion.as_ref().unwrap().interval, None);
        comparison.methods[0].explained[0].curves = None;
        let curves = mean_curves(&comparison, None);
        assert_eq!((&curves[0].deletion, &curves[0].insertion), (&None, &None));
        assert!(curves[1].deletion.is_some());
    }
}
