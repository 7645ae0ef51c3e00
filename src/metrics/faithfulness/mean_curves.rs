//! The mean curves of each method, with bands, by group: a mean over images with high and with low scores says
//! nothing.

use super::{Comparison, Curves, Estimate, Group, Method, estimates::Estimator};
use crate::metrics::Interval;

/// The mean curves of one method.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanCurves {
    /// The method.
    pub label: String,
    /// Whether it is a control.
    pub control: bool,
    /// While pixels are deleted; `None` if no image has a curve.
    pub deletion: Option<Band>,
    /// While pixels are inserted; `None` if no image has a curve.
    pub insertion: Option<Band>,
}

/// A mean over images at every fraction, with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The mean over images.
    pub mean: Vec<f64>,
    /// The pointwise percentile bootstrap of the mean, over slides if they are known, else over images, with at
    /// most 1,000 resamples; `None` with fewer than two images (or slides), or without resamples.
    pub interval: Option<Vec<Interval>>,
}

/// The curves of one group of images.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupCurves {
    /// Which images.
    pub group: Group,
    /// How many images.
    pub images: u64,
    /// The mean scores of the baselines on these images: where deletions end, and where insertions start.
    pub baselines: [Option<f64>; 2],
    /// Method by method.
    pub methods: Vec<MeanCurves>,
}

/// The mean curves of every method of a checked comparison, by group; groups without images are left out.
pub(super) fn group_curves(comparison: &Comparison, slides: Option<&[usize]>) -> Vec<GroupCurves> {
    let bootstrap = &comparison.settings.bootstrap.for_bands();
    let estimator = Estimator { slides, bootstrap };
    let of = |group: Group| {
        let inside = group.members(comparison);
        let images = inside.iter().filter(|inside| **inside).count() as u64;
        let baselines = [&comparison.deletion_baseline, &comparison.insertion_baseline];
        let methods = comparison.methods.iter();
        (images > 0).then(|| GroupCurves {
            group,
            images,
            baselines: baselines.map(|name| baseline(comparison, name, &inside)),
            methods: methods.map(|method| mean_curves(method, &inside, &estimator)).collect(),
        })
    };
    Group::ALL.into_iter().filter_map(of).collect()
}

fn baseline(comparison: &Comparison, name: &str, inside: &[bool]) -> Option<f64> {
    let baseline = comparison.baselines.iter().find(|baseline| baseline.name == name)?;
    let scores = || baseline.scores.iter().zip(inside).filter(|(_, inside)| **inside).map(|(score, _)| score);
    Some(scores().sum::<f64>() / scores().count() as f64)
}

fn mean_curves(method: &Method, inside: &[bool], estimator: &Estimator<'_>) -> MeanCurves {
    let images = method.explained.iter().zip(inside);
    let curves: Vec<_> = images.map(|(it, inside)| it.curves.as_ref().filter(|_| *inside)).collect();
    MeanCurves {
        label: method.label.clone(),
        control: method.control,
        deletion: band(&curves, |curves| &curves.deletion, estimator),
        insertion: band(&curves, |curves| &curves.insertion, estimator),
    }
}

/// The mean of those images that have a curve.
fn band(
    curves: &[Option<&Curves>],
    curve: fn(&Curves) -> &Vec<f64>,
    estimator: &Estimator<'_>,
) -> Option<Band> {
    let points = 0..curve(curves.iter().flatten().next()?).len();
    let scores =
        |point: usize| curves.iter().map(|curves| curves.map(|curves| curve(curves)[point])).collect();
    let points = estimator.means(points.map(scores));
    let mean = points.iter().map(|point| point.mean).collect::<Option<Vec<f64>>>()?;
    // A point at which all scores are the same has no interval; the band has no width there.
    let ends =
        |point: &Estimate| point.interval.or(point.mean.map(|mean| Interval { low: mean, high: mean }));
    let any = points.iter().any(|point| point.interval.is_some());
    Some(Band { mean, interval: any.then(|| points.iter().filter_map(ends).collect()) })
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
            // `black` scores 0.02 times the score of the image, and `blur` 0.3 times.
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
