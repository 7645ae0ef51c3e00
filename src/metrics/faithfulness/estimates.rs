//! Means over images and how sure they are: any number of questions, answered under the same resamples.
//!
//! Resample `i` depends on the seed, on `i` and on the number of units alone, so that an answer does not
//! depend on what else is asked; answers agree with [`crate::metrics::percentile_interval`].

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Estimate, sign_flip::sign_flip};
use crate::metrics::{
    Bootstrap, Interval,
    bootstrap::{draw, quantile},
    share::share_interval,
};

/// The sum of some images' values over the sum of something else.
pub(in crate::metrics) struct Question {
    /// Per image; those without a value are left out, and are not resampled.
    values: Vec<Option<f64>>,
    /// What is summed up below; where it is missing, the images are counted.
    per: Option<Vec<f64>>,
    sort: Sort,
}

/// What the values of a question are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Numbers,
    /// 1 where an image is a hit, else 0: a resample of such values says nothing where all are alike.
    Hits,
    /// Differences of two numbers of one image: are they more than chance?
    Differences,
}

impl Question {
    /// Asks for the mean of values.
    pub(in crate::metrics) fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { values: values.into_iter().collect(), per: None, sort: Sort::Numbers }
    }

    /// Asks for the share of ones among values of 0 and 1.
    pub(in crate::metrics) fn share(values: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { sort: Sort::Hits, ..Self::mean(values) }
    }

    /// Asks for the mean of differences, and whether it is more than chance.
    pub(super) fn difference(values: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { sort: Sort::Differences, ..Self::mean(values) }
    }

    /// Asks for the mean of values over the mean of `per`, of the same images.
    pub(in crate::metrics) fn ratio(
        values: &[Option<f64>],
        per: impl IntoIterator<Item = Option<f64>>,
    ) -> Self {
        let per = per.into_iter().map(|value| value.unwrap_or(0.0)).collect();
        Self { values: values.to_vec(), per: Some(per), sort: Sort::Numbers }
    }
}

impl Question {
    fn share_interval(&self, slides: Option<&[usize]>, level: f64) -> Option<Interval> {
        let images = self.values.iter().enumerate();
        let hit = |(image, value): (usize, &Option<f64>)| {
            Some(((*value)? > 0.5, slides.map(|slides| slides[image])))
        };
        share_interval(images.filter_map(hit), level)
    }

    /// The sum of the values of each unit.
    fn sums(&self, images: &[usize], units: &Units) -> Vec<f64> {
        let mut sums = vec![0.0; units.count];
        for (&image, &unit) in images.iter().zip(&units.of) {
            sums[unit] += self.values[image].unwrap_or(0.0);
        }
        sums
    }
}

impl Estimate {
    /// The mean of those images that have a value, with its spread and its interval; `slides` numbers the
    /// slide of each image, where it is known, and is resampled whole.
    #[must_use]
    pub fn of(values: &[Option<f64>], slides: Option<&[usize]>, bootstrap: &Bootstrap) -> Self {
        estimates(&[Question::mean(values.iter().copied())], slides, bootstrap)[0]
    }
}

/// Hears a question and gives the answer.
pub(in crate::metrics) type Ask<'a> = dyn FnMut(Question) -> Estimate + 'a;

/// What `build` makes of the answers to its questions. It is run twice, first to hear all questions, then
/// to be answered: so it must ask the same both times, whatever it hears.
pub(in crate::metrics) fn answered<T>(
    slides: Option<&[usize]>,
    bootstrap: &Bootstrap,
    build: impl Fn(&mut Ask<'_>) -> T,
) -> T {
    let mut questions = Vec::new();
    build(&mut |question| {
        questions.push(question);
        Estimate::default()
    });
    let mut answers = estimates(&questions, slides, bootstrap).into_iter();
    build(&mut |_| answers.next().expect("what is asked does not depend on the answers"))
}

/// One answer for each question. `slides` numbers the slide of each image; where it is known, slides are
/// resampled whole.
pub(super) fn estimates(
    questions: &[Question],
    slides: Option<&[usize]>,
    bootstrap: &Bootstrap,
) -> Vec<Estimate> {
    let mut answers: Vec<Estimate> = questions.iter().map(estimate).collect();
    for (images, asked) in by_images(questions) {
        let units = Units::of(&images, slides);
        let table = Table::of(&images, &units, asked.iter().map(|&index| &questions[index]));
        let intervals = table.intervals(&units, bootstrap);
        for (index, interval) in asked.into_iter().zip(intervals) {
            let (answer, question) = (&mut answers[index], &questions[index]);
            answer.slides = slides.map(|_| units.count as u64);
            answer.interval = interval;
            match question.sort {
                Sort::Numbers => (),
                Sort::Hits => answer.interval = question.share_interval(slides, bootstrap.level),
                Sort::Differences => answer.p_value = sign_flip(&question.sums(&images, &units), bootstrap),
            }
        }
    }
    answers
}

/// Everything but the resampling.
fn estimate(question: &Question) -> Estimate {
    let mut values: Vec<f64> = question.values.iter().copied().flatten().collect();
    let sum: f64 = values.iter().sum();
    let below = match &question.per {
        None => values.len() as f64,
        Some(per) => per.iter().zip(&question.values).filter(|(_, v)| v.is_some()).map(|(per, _)| per).sum(),
    };
    let mean = (!values.is_empty()).then(|| sum / below);
    let sd = deviation(&values);
    values.sort_unstable_by(f64::total_cmp);
    let median = (!values.is_empty()).then(|| quantile(&values, 0.5));
    Estimate { images: values.len() as u64, mean, sd, median, ..Estimate::default() }
}

/// The sample standard deviation.
fn deviation(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}

/// The questions that speak of the same images, together: they share their resamples.
fn by_images(questions: &[Question]) -> BTreeMap<Vec<usize>, Vec<usize>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (index, question) in questions.iter().enumerate() {
        let images = question.values.iter().enumerate().filter(|(_, value)| value.is_some());
        groups.entry(images.map(|(image, _)| image).collect()).or_default().push(index);
    }
    groups
}

/// What is drawn: images, or slides with all their images.
struct Units {
    /// The unit of each image asked about.
    of: Vec<usize>,
    count: usize,
}

impl Units {
    /// Units are numbered in the order in which they occur.
    fn of(images: &[usize], slides: Option<&[usize]>) -> Self {
        let Some(slides) = slides else {
            return Self { of: (0..images.len()).collect(), count: images.len() };
        };
        let mut numbers = BTreeMap::new();
        let mut number = |image: &usize| {
            let next = numbers.len();
            *numbers.entry(slides[*image]).or_insert(next)
        };
        let of = images.iter().map(&mut number).collect();
        Self { of, count: numbers.len() }
    }
}

/// Per unit the sums that answer some questions: a resample is a weighted sum of its rows.
struct Table {
    /// Unit by unit; the first column counts images.
    cells: Vec<f64>,
    columns: usize,
    /// Of each question the columns above and below the line.
    ratios: Vec<(usize, usize)>,
}

impl Table {
    fn of<'a>(images: &[usize], units: &Units, questions: impl Iterator<Item = &'a Question>) -> Self {
        let mut columns: Vec<Vec<f64>> = vec![vec![1.0; images.len()]];
        let mut ratios = Vec::new();
        for question in questions {
            let above = columns.len();
            columns.push(images.iter().map(|&image| question.values[image].unwrap_or(0.0)).collect());
            if let Some(per) = &question.per {
                columns.push(images.iter().map(|&image| per[image]).collect());
            }
            ratios.push((above, if question.per.is_some() { above + 1 } else { 0 }));
        }
        let mut cells = vec![0.0; units.count * columns.len()];
        for (index, column) in columns.iter().enumerate() {
            for (unit, value) in units.of.iter().zip(column) {
                cells[unit * columns.len() + index] += value;
            }
        }
        Self { cells, columns: columns.len(), ratios }
    }

    /// The interval of each question; `None` with fewer than two units, or where all resamples are alike.
    fn intervals(&self, units: &Units, bootstrap: &Bootstrap) -> Vec<Option<Interval>> {
        let Some(count) = u32::try_from(units.count).ok().filter(|&count| count > 1) else {
            return vec![None; self.ratios.len()];
        };
        let resamples: Vec<Vec<f64>> = (0..bootstrap.resamples)
            .into_par_iter()
            .map_init(
                || (Vec::new(), vec![0.0; self.columns]),
                |(counts, sums), index| {
                    draw(&mut bootstrap.generator(index), count, counts);
                    self.resample(counts, sums)
                },
            )
            .collect();
        let interval =
            |question| bootstrap.interval(resamples.iter().map(|values| values[question]).collect());
        (0..self.ratios.len()).into_par_iter().map(interval).collect()
    }

    /// The answers if each unit occurred so often; `sums` is room to work in.
    fn resample(&self, counts: &[u32], sums: &mut [f64]) -> Vec<f64> {
        sums.fill(0.0);
        let rows = self.cells.chunks_exact(self.columns);
        for (&count, row) in counts.iter().zip(rows).filter(|(count, _)| **count > 0) {
            let times = f64::from(count);
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += times * value);
        }
        self.ratios.iter().map(|&(above, below)| sums[above] / sums[below]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::percentile_interval;

    const FEW: Bootstrap = Bootstrap { resamples: 200, seed: 42, level: 0.95 };

    fn means(columns: &[&[Option<f64>]], slides: Option<&[usize]>) -> Vec<Estimate> {
        let questions: Vec<_> = columns.iter().map(|column| Question::mean(column.iter().copied())).collect();
        estimates(&questions, slides, &FEW)
    }

    #[test]
    fn mean_spread_and_middle_are_numpys() {
        // numpy: mean, std(ddof=1), median of [0.1, 0.4, 0.2, 0.9]
        let it = means(&[&[Some(0.1), None, Some(0.4), Some(0.2), Some(0.9)]], None)[0];
        assert_eq!((it.images, it.slides), (4, None));
        assert!((it.mean.unwrap() - 0.4).abs() < 1e-15);
        assert!((it.sd.unwrap() - 0.355_902_608_401_043_7).abs() < 1e-15);
        assert!((it.median.unwrap() - 0.3).abs() < 1e-15);
    }

    #[test]
    fn nothing_has_no_mean_and_one_has_no_spread() {
        let [none, one] = means(&[&[None, None], &[None, Some(0.5)]], None)[..] else { panic!() };
        assert_eq!(none, Estimate::default());
        assert_eq!((one.images, one.mean, one.median), (1, Some(0.5), Some(0.5)));
        assert_eq!((one.sd, one.interval), (None, None));
        let two = [Some(0.5), Some(0.7)];
        let one_slide = means(&[&two], Some(&[3, 3]))[0];
        assert_eq!((one_slide.slides, one_slide.interval), (Some(1), None));
        let without = Bootstrap { resamples: 0, ..FEW };
        assert_eq!(estimates(&[Question::mean(two)], None, &without)[0].interval, None);
    }

    #[test]
    fn alike_patches_of_a_slide_make_the_interval_wide() {
        // Ten slides of ten equal patches: as sure as ten images, not as a hundred.
        let values: Vec<Option<f64>> = (0..100).map(|at| Some(f64::from(at / 10 % 2))).collect();
        let slides: Vec<usize> = (0..100).map(|at| at / 10).collect();
        let width = |it: &Estimate| it.interval.unwrap().high - it.interval.unwrap().low;
        let by_image = means(&[&values], None)[0];
        let by_slide = means(&[&values], Some(&slides))[0];
        assert_eq!((by_image.mean, by_slide.slides), (by_slide.mean, Some(10)));
        assert!(width(&by_slide) > 2.5 * width(&by_image), "{by_image:?} {by_slide:?}");
        let ten: Vec<Option<f64>> = (0..10).map(|at| Some(f64::from(at % 2))).collect();
        assert_eq!(means(&[&ten], None)[0].interval, by_slide.interval);
    }

    #[test]
    fn intervals_are_numpys_up_to_chance() {
        // v = np.array([i * i % 17 / 17 for i in range(50)]); w = np.array([.05 + .01 * (i % 7) ...])
        // slide = np.repeat(np.arange(20), [1 + s % 4 for s in range(20)]); d = rng.integers(0, 20, (200000, 20))
        // by slide: np.percentile(np.bincount(slide, v)[d].sum(1) / np.bincount(slide)[d].sum(1), [2.5, 97.5])
        // by image: scipy.stats.bootstrap((v,), np.mean, n_resamples=200000, method="percentile")
        let values: Vec<_> = (0..50).map(|i| Some(f64::from(i * i % 17) / 17.0)).collect();
        let per = (0..50).map(|i| Some(0.05 + 0.01 * f64::from(i % 7)));
        let slides: Vec<usize> = (0..20).flat_map(|slide| vec![slide; 1 + slide % 4]).collect();
        let ask = || Question::mean(values.iter().copied());
        let ratio = Question::ratio(&values, per);
        let bootstrap = Bootstrap::default();
        let by_slide = estimates(&[ask(), ratio], Some(&slides), &bootstrap);
        let by_image = estimates(&[ask()], None, &bootstrap)[0];
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
        let [all, nothing] = [all, nothing].map(|it| estimates(&[Question::share(it)], None, &FEW)[0]);
        let (high, low) = (all.interval.unwrap(), nothing.interval.unwrap());
        assert!((high.low - 0.7847).abs() < 5e-5 && high.high == 1.0, "{high:?}");
        assert!((low.high - 0.2153).abs() < 5e-5 && low.low == 0.0, "{low:?}");
        assert_eq!(means(&[&[Some(0.3); 14]], None)[0].interval, None);
    }

    #[test]
    fn a_difference_is_tested_over_slides() {
        let values: Vec<Option<f64>> = (0..40).map(|at| Some(0.1 + f64::from(at % 3))).collect();
        let slides: Vec<usize> = (0..40).map(|at| at / 8).collect();
        let of = |slides| estimates(&[Question::difference(values.iter().copied())], slides, &FEW)[0].p_value;
        assert_eq!((of(Some(&slides)), of(None)), (Some(2.0 / 32.0), Some(1.0 / 10_001.0)));
        assert_eq!(means(&[&values], None)[0].p_value, None);
    }

    #[test]
    fn a_ratio_is_of_sums() {
        let (values, per) = ([Some(0.2), None, Some(0.9)], [Some(0.1), Some(5.0), Some(0.3)]);
        let it = estimates(&[Question::ratio(&values, per)], None, &FEW)[0];
        assert!((it.mean.unwrap() - 1.1 / 0.4).abs() < 1e-12);
        let ends = it.interval.unwrap();
        assert!((ends.low - 2.0).abs() < 1e-12 && (ends.high - 3.0).abs() < 1e-12, "{ends:?}");
    }

    #[test]
    fn what_is_built_is_built_of_answers() {
        let (a, b) = ([Some(0.0), Some(1.0)], [Some(3.0), None]);
        let built = answered(None, &FEW, |ask| [a, b].map(|values| ask(Question::mean(values)).mean));
        assert_eq!(built, [Some(0.5), Some(3.0)]);
    }

    fn column() -> impl Strategy<Value = Vec<Option<f64>>> {
        prop::collection::vec(prop::option::weighted(0.8, 0.0..1.0_f64), 20)
    }

    proptest! {
        #[test]
        fn an_answer_does_not_depend_on_what_else_is_asked(
            columns in prop::collection::vec(column(), 1..6),
            slides in prop::option::of(prop::collection::vec(0..5_usize, 20)),
        ) {
            let all: Vec<&[Option<f64>]> = columns.iter().map(Vec::as_slice).collect();
            let together = means(&all, slides.as_deref());
            for (one, answer) in all.iter().zip(together) {
                prop_assert_eq!(means(&[one], slides.as_deref())[0], answer);
            }
        }

        #[test]
        fn agrees_with_the_bootstrap_of_any_statistic(values in prop::collection::vec(0.0..1.0_f64, 2..30)) {
            let column: Vec<_> = values.iter().copied().map(Some).collect();
            let expected = percentile_interval(values.len(), &FEW, |counts| {
                let sum: f64 = counts.iter().zip(&values).map(|(&count, value)| f64::from(count) * value).sum();
                Some(sum / values.len() as f64)
            });
            prop_assert_eq!(means(&[&column], None)[0].interval, expected);
        }

        #[test]
        fn a_slide_for_each_image_is_no_slide_at_all(values in column()) {
            let slides: Vec<usize> = (0..20).rev().collect();
            let (with, without) = (means(&[&values], Some(&slides))[0], means(&[&values], None)[0]);
            prop_assert_eq!((with.interval, with.mean, with.sd), (without.interval, without.mean, without.sd));
        }
    }
}
