//! Means over images, with their intervals.
//!
//! Resample `i` depends only on the seed, on `i` and on the number of units. Intervals agree with
//! [`crate::metrics::percentile_interval`].

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Estimate, sign_flip::sign_flip};
use crate::metrics::{
    Bootstrap, Interval,
    bootstrap::{draw, quantile},
    share::share_interval,
};

/// Answers questions about images.
pub(in crate::metrics) struct Estimator<'a> {
    /// The number of each image's slide; if known, slides are resampled whole.
    pub(in crate::metrics) slides: Option<&'a [usize]>,
    pub(in crate::metrics) bootstrap: &'a Bootstrap,
}

/// The sum of some images' values over the sum of their weights.
struct Question {
    /// The value and the weight of each image. Images without them are left out, and are not resampled.
    terms: Vec<Option<[f64; 2]>>,
    kind: Kind,
}

/// What the values of a question are.
enum Kind {
    Numbers,
    /// 1 for a hit, 0 otherwise. Resamples say nothing if all are alike.
    Hits,
    /// Differences of two numbers of one image, to be tested against chance.
    Differences,
}

impl Estimator<'_> {
    /// The number of slides, if known.
    pub(in crate::metrics) fn slide_count(&self) -> Option<u64> {
        self.slides.map(|slides| slides.iter().max().map_or(0, |last| *last as u64 + 1))
    }

    /// The mean of values.
    pub(in crate::metrics) fn mean(&self, values: impl IntoIterator<Item = Option<f64>>) -> Estimate {
        self.answer(Question::unweighted(values, Kind::Numbers))
    }

    /// The share of ones among values of 0 and 1.
    pub(super) fn share(&self, values: &[Option<f64>]) -> Estimate {
        self.answer(Question::unweighted(values.iter().copied(), Kind::Hits))
    }

    /// The mean of differences, and whether it is more than chance.
    pub(super) fn difference(&self, values: impl IntoIterator<Item = Option<f64>>) -> Estimate {
        self.answer(Question::unweighted(values, Kind::Differences))
    }

    /// The mean of values over the mean of `weights` of the same images.
    pub(super) fn ratio(&self, values: &[Option<f64>], weights: &[Option<f64>]) -> Estimate {
        let terms = values.iter().zip(weights).map(|(value, weight)| Some([(*value)?, (*weight)?]));
        self.answer(Question { terms: terms.collect(), kind: Kind::Numbers })
    }

    /// The mean of each column; all columns have values for the same images.
    pub(super) fn means(&self, columns: impl IntoIterator<Item = Vec<Option<f64>>>) -> Vec<Estimate> {
        let questions = columns.into_iter().map(|values| Question::unweighted(values, Kind::Numbers));
        self.answers(&questions.collect::<Vec<_>>())
    }

    fn answer(&self, question: Question) -> Estimate {
        self.answers(&[question])[0]
    }

    fn answers(&self, questions: &[Question]) -> Vec<Estimate> {
        let Some(first) = questions.first() else { return Vec::new() };
        let units = Units::of(first.images(), self.slides);
        let sums: Vec<Vec<[f64; 2]>> = questions.iter().map(|question| question.sums(&units)).collect();
        let intervals = intervals(&sums, units.count, self.bootstrap);
        let mut answers: Vec<Estimate> = questions.iter().map(Question::estimate).collect();
        for (index, (answer, question)) in answers.iter_mut().zip(questions).enumerate() {
            answer.slides = self.slides.map(|_| units.count as u64);
            answer.interval = intervals[index];
            match question.kind {
                Kind::Numbers => (),
                Kind::Hits => answer.interval = question.share_interval(self.slides, self.bootstrap.level),
                Kind::Differences => {
                    let sums: Vec<f64> = sums[index].iter().map(|sum| sum[0]).collect();
                    answer.p_value = sign_flip(&sums, self.bootstrap);
                }
            }
        }
        answers
    }
}

impl Question {
    fn unweighted(values: impl IntoIterator<Item = Option<f64>>, kind: Kind) -> Self {
        Self { terms: values.into_iter().map(|value| Some([value?, 1.0])).collect(), kind }
    }

    /// The images with a value.
    fn images(&self) -> impl Iterator<Item = usize> + '_ {
        self.terms.iter().enumerate().filter_map(|(image, term)| term.map(|_| image))
    }

    /// The sums of values and weights in each unit.
    fn sums(&self, units: &Units) -> Vec<[f64; 2]> {
        let mut sums = vec![[0.0; 2]; units.count];
        for ([value, weight], &unit) in self.terms.iter().flatten().zip(&units.of) {
            sums[unit][0] += value;
            sums[unit][1] += weight;
        }
        sums
    }

    /// Everything but the resampling.
    fn estimate(&self) -> Estimate {
        let mut values: Vec<f64> = self.terms.iter().flatten().map(|term| term[0]).collect();
        if values.is_empty() {
            return Estimate::default();
        }
        let weight: f64 = self.terms.iter().flatten().map(|term| term[1]).sum();
        let mean = Some(values.iter().sum::<f64>() / weight);
        let sd = deviation(&values);
        values.sort_unstable_by(f64::total_cmp);
        let median = Some(quantile(&values, 0.5));
        Estimate { images: values.len() as u64, mean, sd, median, ..Estimate::default() }
    }

    fn share_interval(&self, slides: Option<&[usize]>, level: f64) -> Option<Interval> {
        let hits = self.terms.iter().flatten().map(|term| term[0] > 0.5);
        share_interval(hits.zip(self.images().map(|image| slides.map(|slides| slides[image]))), level)
    }
}

/// The sample standard deviation.
fn deviation(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}

/// The units that are drawn: images, or slides with all their images.
struct Units {
    /// The unit of each image with a value.
    of: Vec<usize>,
    count: usize,
}

impl Units {
    fn of(images: impl Iterator<Item = usize>, slides: Option<&[usize]>) -> Self {
        let of = numbered(images.map(|image| slides.map_or(image, |slides| slides[image])));
        Self { count: of.iter().max().map_or(0, |last| last + 1), of }
    }
}

/// Numbers items from 0, in the order in which they occur.
pub(super) fn numbered<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    let number = |item| {
        let next = numbers.len();
        *numbers.entry(item).or_insert(next)
    };
    items.into_iter().map(number).collect()
}

/// The interval of each question, given its sums in each unit; `None` with fewer than two units, and if all
/// resamples are alike.
fn intervals(sums: &[Vec<[f64; 2]>], units: usize, bootstrap: &Bootstrap) -> Vec<Option<Interval>> {
    let Some(units) = u32::try_from(units).ok().filter(|&units| units > 1) else {
        return vec![None; sums.len()];
    };
    let resample = |counts: &mut Vec<u32>, index| -> Vec<f64> {
        draw(&mut bootstrap.generator(index), units, counts);
        sums.iter().map(|sums| resampled(sums, counts)).collect()
    };
    let resamples: Vec<Vec<f64>> =
        (0..bootstrap.resamples).into_par_iter().map_init(Vec::new, resample).collect();
    let interval = |question| bootstrap.interval(resamples.iter().map(|values| values[question]).collect());
    (0..sums.len()).into_par_iter().map(interval).collect()
}

/// The answer for a resample with these counts of units.
fn resampled(sums: &[[f64; 2]], counts: &[u32]) -> f64 {
    let (mut value, mut weight) = (0.0, 0.0);
    for (unit, &count) in sums.iter().zip(counts) {
        value += f64::from(count) * unit[0];
        weight += f64::from(count) * unit[1];
    }
    value / weight
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::percentile_interval;

    const FEW: Bootstrap = Bootstrap { resamples: 200, seed: 42, level: 0.95 };

    const BY_IMAGE: Estimator<'_> = Estimator { slides: None, bootstrap: &FEW };

    fn by_slide(slides: &[usize]) -> Estimator<'_> {
        Estimator { slides: Some(slides), bootstrap: &FEW }
    }

    #[test]
    fn mean_spread_and_middle_are_numpys() {
        // numpy: mean, std(ddof=1), median of [0.1, 0.4, 0.2, 0.9]
        let it = BY_IMAGE.mean([Some(0.1), None, Some(0.4), Some(0.2), Some(0.9)]);
        assert_eq!((it.images, it.slides), (4, None));
        assert!((it.mean.unwrap() - 0.4).abs() < 1e-15);
        assert!((it.sd.unwrap() - 0.355_902_608_401_043_7).abs() < 1e-15);
        assert!((it.median.unwrap() - 0.3).abs() < 1e-15);
    }

    #[test]
    fn nothing_has_no_mean_and_one_has_no_spread() {
        let [none, one] = [[None, None], [None, Some(0.5)]].map(|values| BY_IMAGE.mean(values));
        assert_eq!(none, Estimate::default());
        assert_eq!((one.images, one.mean, one.median), (1, Some(0.5), Some(0.5)));
        assert_eq!((one.sd, one.interval), (None, None));
        let two = [Some(0.5), Some(0.7)];
        let one_slide = by_slide(&[3, 3]).mean(two);
        assert_eq!((one_slide.slides, one_slide.interval), (Some(1), None));
        let without = Bootstrap { resamples: 0, ..FEW };
        assert_eq!(Estimator { slides: None, bootstrap: &without }.mean(two).interval, None);
    }

    #[test]
    fn alike_patches_of_a_slide_make_the_interval_wide() {
        // Ten slides of ten equal patches: as sure as ten images, not as a hundred.
        let values: Vec<Option<f64>> = (0..100).map(|at| Some(f64::from(at / 10 % 2))).collect();
        let slides: Vec<usize> = (0..100).map(|at| at / 10).collect();
        let width = |it: &Estimate| it.interval.unwrap().high - it.interval.unwrap().low;
        let by_slide = by_slide(&slides).mean(values.iter().copied());
        let by_image = BY_IMAGE.mean(values);
        assert_eq!((by_image.mean, by_slide.slides), (by_slide.mean, Some(10)));
        assert!(width(&by_slide) > 2.5 * width(&by_image), "{by_image:?} {by_slide:?}");
        let ten = (0..10).map(|at| Some(f64::from(at % 2)));
        assert_eq!(BY_IMAGE.mean(ten).interval, by_slide.interval);
    }

    #[test]
    fn intervals_are_numpys_up_to_chance() {
        // v = np.array([i * i % 17 / 17 for i in range(50)]); w = np.array([.05 + .01 * (i % 7) ...])
        // slide = np.repeat(np.arange(20), [1 + s % 4 for s in range(20)]); d = rng.integers(0, 20, (200000, 20))
        // by slide: np.percentile(np.bincount(slide, v)[d].sum(1) / np.bincount(slide)[d].sum(1), [2.5, 97.5])
        // by image: scipy.stats.bootstrap((v,), np.mean, n_resamples=200000, method="percentile")
        let values: Vec<_> = (0..50).map(|i| Some(f64::from(i * i % 17) / 17.0)).collect();
        let weights: Vec<_> = (0..50).map(|i| Some(0.05 + 0.01 * f64::from(i % 7))).collect();
        let slides: Vec<usize> = (0..20).flat_map(|slide| vec![slide; 1 + slide % 4]).collect();
        let bootstrap = &Bootstrap::default();
        let by_slide = Estimator { slides: Some(&slides), bootstrap };
        let by_slide = [by_slide.mean(values.iter().copied()), by_slide.ratio(&values, &weights)];
        let by_image = Estimator { slides: None, bootstrap }.mean(values);
        assert!((by_image.mean.unwrap() - 0.478_823_529_411_764_7).abs() < 1e-14);
        assert!((by_image.sd.unwrap() - 0.334_240_462_354_081_06).abs() < 1e-14);
        assert!((by_slide[1].mean.unwrap() - 6.030_523_040_450_438).abs() < 1e-13);
        // The ends of 10,000 resamples scatter by about 0.03 of the standard error, here 0.0015 (ratio: 0.02).
        for (it, low, high, tolerance) in [
            (by_image, 0.387_06, 0.570_59, 0.006),
            (by_slide[0], 0.365_01, 0.578_43, 0.006),
            (by_slide[1], 4.508_47, 7.452_08, 0.08),
        ] {
            let ends = it.interval.unwrap();
            assert!((ends.low - low).abs() < tolerance && (ends.high - high).abs() < tolerance, "{ends:?}");
        }
    }

    #[test]
    fn shares_have_a_width_at_both_ends_and_other_means_without_a_spread_have_no_interval() {
        let (all, nothing) = ([Some(1.0); 14], [Some(0.0); 14]);
        let [all, nothing] = [all, nothing].map(|it| BY_IMAGE.share(&it));
        let (high, low) = (all.interval.unwrap(), nothing.interval.unwrap());
        assert!((high.low - 0.7847).abs() < 5e-5 && high.high == 1.0, "{high:?}");
        assert!((low.high - 0.2153).abs() < 5e-5 && low.low == 0.0, "{low:?}");
        assert_eq!(BY_IMAGE.mean([Some(0.3); 14]).interval, None);
    }

    #[test]
    fn a_difference_is_tested_over_slides() {
        let values: Vec<Option<f64>> = (0..40).map(|at| Some(0.1 + f64::from(at % 3))).collect();
        let slides: Vec<usize> = (0..40).map(|at| at / 8).collect();
        let of = |estimator: Estimator<'_>| estimator.difference(values.iter().copied()).p_value;
        assert_eq!((of(by_slide(&slides)), of(BY_IMAGE)), (Some(2.0 / 32.0), Some(1.0 / 10_001.0)));
        assert_eq!(BY_IMAGE.mean(values).p_value, None);
    }

    #[test]
    fn a_ratio_is_of_sums() {
        let (values, weights) = ([Some(0.2), None, Some(0.9)], [Some(0.1), Some(5.0), Some(0.3)]);
        let it = BY_IMAGE.ratio(&values, &weights);
        assert!((it.mean.unwrap() - 1.1 / 0.4).abs() < 1e-12);
        let ends = it.interval.unwrap();
        assert!((ends.low - 2.0).abs() < 1e-12 && (ends.high - 3.0).abs() < 1e-12, "{ends:?}");
    }

    fn column() -> impl Strategy<Value = Vec<Option<f64>>> {
        prop::collection::vec(prop::option::weighted(0.8, 0.0..1.0_f64), 20)
    }

    proptest! {
        #[test]
        fn columns_share_resamples_and_nothing_else(
            numbers in prop::collection::vec(prop::collection::vec(0.0..1.0_f64, 20), 1..6),
            known in prop::collection::vec(prop::bool::weighted(0.8), 20),
            slides in prop::option::of(prop::collection::vec(0..5_usize, 20)),
        ) {
            let column = |numbers: &Vec<f64>| numbers.iter().zip(&known).map(|(it, known)| known.then_some(*it)).collect();
            let columns: Vec<Vec<Option<f64>>> = numbers.iter().map(column).collect();
            let estimator = Estimator { slides: slides.as_deref(), bootstrap: &FEW };
            for (answer, column) in estimator.means(columns.clone()).into_iter().zip(columns) {
                prop_assert_eq!(answer, estimator.mean(column));
            }
        }

        #[test]
        fn agrees_with_the_bootstrap_of_any_statistic(values in prop::collection::vec(0.0..1.0_f64, 2..30)) {
            let expected = percentile_interval(values.len(), &FEW, |counts| {
                let sum: f64 = counts.iter().zip(&values).map(|(&count, value)| f64::from(count) * value).sum();
                Some(sum / values.len() as f64)
            });
            prop_assert_eq!(BY_IMAGE.mean(values.iter().copied().map(Some)).interval, expected);
        }

        #[test]
        fn one_slide_per_image_equals_no_slides(values in column()) {
            let slides: Vec<usize> = (0..20).rev().collect();
            let (with, without) = (by_slide(&slides).mean(values.iter().copied()), BY_IMAGE.mean(values.clone()));
            prop_assert_eq!((with.interval, with.mean, with.sd), (without.interval, without.mean, without.sd));
        }
    }
}
