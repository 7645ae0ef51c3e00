//! The percentile bootstrap (Efron 1979), seeded and independent of the number of threads.

use anyhow::{Result, ensure};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How often a resample without a value is drawn again before the statistic counts as undefined.
///
/// If both classes occur, at most half of the resamples lack one, so a thousand failures in a row do not
/// happen by chance.
const ATTEMPTS: u32 = 1000;

/// How many resamples a band has at most. Bands are only drawn: with a thousand resamples their edges differ from
/// those of ten thousand by a few hundredths of their width.
const BAND_RESAMPLES: u32 = 1000;

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// How many resamples; 0 for no intervals.
    pub resamples: u32,
    /// Resample `i` is drawn from stream `i` of the ChaCha8 generator with this seed.
    pub seed: u64,
    /// The share of resamples inside the interval, above 0 and below 1.
    pub level: f64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 10_000, seed: 42, level: 0.95 }
    }
}

impl Bootstrap {
    pub(super) fn check(&self) -> Result<()> {
        let level = self.level;
        ensure!(
            level > 0.0 && level < 1.0,
            "the confidence level is {level}, but it must lie between 0 and 1"
        );
        Ok(())
    }

    /// The same for bands, with at most 1,000 resamples: the first ones.
    pub(super) fn for_bands(self) -> Self {
        Self { resamples: self.resamples.min(BAND_RESAMPLES), ..self }
    }

    /// The generator of resample `index`.
    pub(super) fn generator(&self, index: u32) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_stream(index.into());
        generator
    }

    /// The interval of a statistic with these values on the resamples. `None` without values, and if all are
    /// the same: resampling then says nothing about the uncertainty.
    pub(super) fn interval(&self, values: Vec<f64>) -> Option<Interval> {
        self.ends(values).filter(Interval::has_width)
    }

    /// The same, also if all values are the same. `None` without values.
    pub(super) fn ends(&self, mut values: Vec<f64>) -> Option<Interval> {
        if values.is_empty() {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Some(Interval { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) })
    }
}

/// The ends of a confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the ends differ by more than rounding: sums in another order differ by that.
    pub(super) fn has_width(&self) -> bool {
        self.high - self.low > 1e-12 * self.low.abs().max(self.high.abs())
    }
}

/// The interval of a statistic when `units` units (images, pairs of images, slides) are resampled with
/// replacement. The statistic gets the number of draws of each unit; if it is undefined (`None`), the
/// resample is drawn again.
///
/// Ends are interpolated between neighbouring resamples, as in numpy's `percentile`. `None` without units or
/// resamples, if the statistic stays undefined, or if both ends are the same.
pub fn percentile_interval(
    units: usize,
    bootstrap: &Bootstrap,
    statistic: impl Fn(&[u32]) -> Option<f64> + Sync,
) -> Option<Interval> {
    bootstrap.interval(resamples(units, bootstrap, statistic)?)
}

/// The statistic on every resample, in their order; anything but a number too. `None` without units, or if the
/// statistic stays undefined.
pub(super) fn resamples<T: Send>(
    units: usize,
    bootstrap: &Bootstrap,
    statistic: impl Fn(&[u32]) -> Option<T> + Sync,
) -> Option<Vec<T>> {
    let units = u32::try_from(units).ok().filter(|&units| units > 0)?;
    let resample = |counts: &mut Vec<u32>, index: u32| {
        let mut generator = bootstrap.generator(index);
        (0..ATTEMPTS).find_map(|_| {
            draw(&mut generator, units, counts);
            statistic(counts)
        })
    };
    (0..bootstrap.resamples).into_par_iter().map_init(Vec::new, resample).collect()
}

/// Draws `units` units, and counts how often each is drawn.
pub(super) fn draw(generator: &mut ChaCha8Rng, units: u32, counts: &mut Vec<u32>) {
    counts.clear();
    counts.resize(units as usize, 0);
    for _ in 0..units {
        counts[below(generator, units) as usize] += 1;
    }
}

/// A uniform number below `bound`, by Lemire's multiplication (2019). Written out because the numbers of `rand`
/// may change with its version.
fn below(generator: &mut ChaCha8Rng, bound: u32) -> u32 {
    loop {
        let product = u64::from(generator.next_u32()) * u64::from(bound);
        let low = product as u32;
        // Only with a low half below `bound` can a value be too frequent by one.
        if low >= bound || low >= bound.wrapping_neg() % bound {
            return (product >> 32) as u32;
        }
    }
}

/// The quantile `share` (0 to 1) of sorted values, linear between neighbours.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - position.floor())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean(values: &[f64]) -> impl Fn(&[u32]) -> Option<f64> + Sync + '_ {
        move |counts| {
            let sum: f64 = counts.iter().zip(values).map(|(&count, value)| f64::from(count) * value).sum();
            Some(sum / values.len() as f64)
        }
    }

    #[test]
    fn the_interval_of_a_mean_is_about_two_standard_errors() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let interval = percentile_interval(400, &Bootstrap::default(), mean(&values)).unwrap();
        // The binomial's 2.5 and 97.5 % points at n = 400, p = 1/2 are 180 and 220; one image is 0.0025.
        assert!((interval.low - 0.45).abs() < 0.0026, "{interval:?}");
        assert!((interval.high - 0.55).abs() < 0.0026, "{interval:?}");
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i).sqrt()).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| percentile_interval(50, &Bootstrap::default(), mean(&values)))
        };
        assert_eq!(with(1), with(5));
    }

    #[test]
    fn the_seed_changes_the_interval_and_pins_it() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i).sqrt()).collect();
        let with = |seed| {
            let bootstrap = Bootstrap { resamples: 100, seed, level: 0.95 };
            percentile_interval(50, &bootstrap, mean(&values))
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }

    #[test]
    fn undefined_resamples_are_drawn_again() {
        // Half of the resamples of two units lack the second one.
        let share = |counts: &[u32]| (counts[1] > 0).then(|| f64::from(counts[1]) / 2.0);
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let interval = percentile_interval(2, &bootstrap, share).unwrap();
        assert_eq!(interval, Interval { low: 0.5, high: 1.0 });
        assert_eq!(percentile_interval(2, &bootstrap, |_| None), None);
    }

    #[test]
    fn nothing_to_draw_has_no_interval() {
        assert_eq!(percentile_interval(0, &Bootstrap::default(), |_| Some(1.0)), None);
        let none = Bootstrap { resamples: 0, ..Bootstrap::default() };
        assert_eq!(percentile_interval(3, &none, |_| Some(1.0)), None);
    }

    #[test]
    fn quantiles_are_numpys() {
        // numpy.percentile([1, 2, 4, 8], [2.5, 50, 97.5])
        let values = [1.0, 2.0, 4.0, 8.0];
        assert!((quantile(&values, 0.025) - 1.075).abs() < 1e-12);
        assert_eq!(quantile(&values, 0.5), 3.0);
        assert!((quantile(&values, 0.975) - 7.7).abs() < 1e-12);
        assert_eq!(quantile(&[5.0], 0.975), 5.0);
    }

    proptest! {
        #[test]
        fn draws_as_many_as_there_are(units in 1..200_u32, seed: u64) {
            let mut counts = Vec::new();
            draw(&mut ChaCha8Rng::seed_from_u64(seed), units, &mut counts);
            prop_assert_eq!(counts.len(), units as usize);
            prop_assert_eq!(counts.iter().sum::<u32>(), units);
        }
    }
}
