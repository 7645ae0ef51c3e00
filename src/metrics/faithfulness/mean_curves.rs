//! The mean curves of each method, with bands, by group: images that score high and images that score low do
//! not have a mean that says anything.

use super::{
    Comparison, Curves, Estimate, Group, Method,
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

/// The curves of the images of one group, which start at the scores of that group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupCurves {
    /// Which images.
    pub group: Group,
    /// How many there are.
    pub images: u64,
    /// The mean scores of the baselines on these images: where deletions end, and where insertions start.
    pub baselines: [Option<f64>; 2],
    /// Method by method.
    pub methods: Vec<MeanCurves>,
}

/// The mean curves of every method of a comparison that was checked, by group; groups without images are left
/// out.
pub(super) fn group_curves(comparison: &Comparison, slides: Option<&[usize]>) -> Vec<GroupCurves> {
    let of = |group| {
        let threshold = comparison.settings.threshold;
        let inside: Vec<bool> =
            comparison.images.iter().map(|image| Group::of(image, threshold) == group).collect();
        let images = inside.iter().filter(|inside| **inside).count() as u64;
        let baselines = [&comparison.deletion_baseline, &comparison.insertion_baseline];
        (images > 0).then(|| GroupCurves {
            group,
            images,
            baselines: baselines.map(|name| baseline(comparison, name, &inside)),
            methods: comparison
                .methods
                .iter()
                .map(|it| mean_curves(comparison, it, &inside, slides))
                .collect(),
        })
    };
    Group::ALL.into_iter().filter_map(of).collect()
}

fn baseline(comparison: &Comparison, name: &str, inside: &[bool]) -> Option<f64> {
    let baseline = comparison.baselines.iter().find(|baseline| baseline.name == name)?;
    let scores = || baseline.scores.iter().zip(inside).filter(|(_, inside)| **inside).map(|(score, _)| score);
    Some(scores().sum::<f64>() / scores().count() as f64)
}

fn mean_curves(
    comparison: &Comparison,
    method: &Method,
    inside: &[bool],
    slides: Option<&[usize]>,
) -> MeanCurves {
    let band = |curve: fn(&Curves) -> &Vec<f64>| band(comparison, method, inside, slides, curve);
    MeanCurves {
        label: method.label.clone(),
        control: method.control,
        deletion: band(|curves| &curves.deletion),
        insertion: band(|curves| &curves.insertion),
    }
}

fn band(
    comparison: &Comparison,
    method: &Method,
    inside: &[bool],
    slides: Option<&[usize]>,
    curve: fn(&Curves) -> &Vec<f64>,
) -> Option<Band> {
    let at = |point: usize| {
        let score = |curves: &Curves| curve(curves)[point];
        let images = method.explained.iter().zip(inside);
        Question::mean(images.map(|(it, inside)| it.curves.as_ref().filter(|_| *inside).map(score)))
    };
    let questions: Vec<Question> = (0..comparison.fractions.len()).map(at).collect();
    let bootstrap = comparison.settings.bootstrap;
    let bootstrap = Bootstrap { resamples: bootstrap.resamples.min(RESAMPLES), ..bootstrap };
    let points = estimates(&questions, slides, &bootstrap);
    let mean = points.iter().map(|point| point.mean).collect::<Option<Vec<f64>>>()?;
    // A point at which all scores are the same has no spread, and the band no width there.
    let sure =
        |point: &Estimate| point.interval.or(point.mean.map(|mean| Interval { low: mean, high: mean }));
    let any = points.iter().any(|point| point.interval.is_some());
    Some(Band { mean, interval: any.then(|| points.iter().filter_map(sure).collect()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::faithfulness::fixture;

    #[test]
    fn curves_start_at_the_scores_of_their_group_and_lie_in_their_bands() {
        let comparison = fixture::comparison(60, 3);
        let groups = group_curves(&comparison, None);
        assert_eq!(
            (groups[0].group, groups.iter().map(|it| it.images).sum::<u64>()),
            (Group::TruePositive, 60)
        );
        let labels = groups[0].methods.iter().map(|it| it.label.as_str());
        assert_eq!(labels.collect::<Vec<_>>(), ["grad-cam", "random", "centre"]);
        for it in &groups {
            let inside = comparison.images.iter().filter(|image| Group::of(image, 0.5) == it.group);
            let scores: Vec<f64> = inside.map(|image| image.probability).collect();
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let band = it.methods[0].deletion.as_ref().unwrap();
            assert!((band.mean[0] - mean).abs() < 1e-12 && band.mean.len() == 97);
            let interval = band.interval.as_ref().unwrap();
            let mut points = band.mean.iter().zip(interval);
            assert!(points.all(|(mean, ends)| ends.low <= mean + 1e-12 && mean - 1e-12 <= ends.high));
            // `black` scores 0.02, and `blur` 0.3 of what the image does.
            let [black, blur] = it.baselines.map(Option::unwrap);
            assert!((black - 0.02 * mean).abs() < 1e-12 && (blur - 0.3 * mean).abs() < 1e-12);
        }
    }

    #[test]
    fn one_image_has_no_band_and_none_no_curve() {
        let mut comparison = fixture::comparison(4, 2);
        comparison.images.iter_mut().for_each(|image| (image.positive, image.probability) = (true, 0.9));
        comparison.methods[0].explained[1..].iter_mut().for_each(|it| it.curves = None);
        let groups = group_curves(&comparison, None);
        assert_eq!((groups.len(), &groups[0].methods[0].insertion.as_ref().unwrap().interval), (1, &None));
        comparison.methods[0].explained[0].curves = None;
        let groups = group_curves(&comparison, None);
        assert_eq!((&groups[0].methods[0].deletion, &groups[0].methods[0].insertion), (&None, &None));
        assert!(groups[0].methods[1].deletion.is_some());
    }
}
