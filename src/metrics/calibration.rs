//! Expected calibration error: the difference of probabilities and frequencies.

use super::{Interval, Predictions};

/// How many bins of equal width.
const BINS: usize = 15;

/// Expected calibration error over 15 bins, 0 (best) to 1 (Naeini et al. 2015, for the probability of
/// class 1): the sum over `bin = min(floor(15 p), 14)` of the bin's share of the images times
/// |mean probability - share of positives|.
#[must_use]
pub fn calibration_error(predictions: &Predictions) -> f64 {
    // Sums of p - y: |mean p - mean y| times the bin's count.
    let mut excess = [0.0; BINS];
    for (label, probability) in predictions.iter() {
        excess[bin(probability)] += probability - f64::from(u8::from(label));
    }
    excess.iter().map(|excess| excess.abs()).sum::<f64>() / predictions.len() as f64
}

fn bin(probability: f64) -> usize {
    ((probability * BINS as f64) as usize).min(BINS - 1)
}

/// One bin of a calibration diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// The mean predicted probability.
    pub predicted: f64,
    /// The share of positives.
    pub observed: f64,
    /// Its interval; `None` if the images are of one slide.
    pub interval: Option<Interval>,
    /// How many images.
    pub images: u64,
}

/// The bins of [`calibration_error`] that have images, in ascending order, with intervals of this level.
#[must_use]
pub fn calibration_bins(predictions: &Predictions, level: f64) -> Vec<CalibrationBin> {
    (0..BINS).filter_map(|wanted| one_bin(predictions, wanted, level)).collect()
}

fn one_bin(predictions: &Predictions, wanted: usize, level: f64) -> Option<CalibrationBin> {
    let inside: Vec<(bool, f64)> = predictions.iter().filter(|(_, p)| bin(*p) == wanted).collect();
    let images = inside.len() as f64;
    (!inside.is_empty()).then(|| CalibrationBin {
        predicted: inside.iter().map(|(_, p)| p).sum::<f64>() / images,
        observed: inside.iter().filter(|(label, _)| *label).count() as f64 / images,
        interval: predictions.share_interval(level, |label, p| (bin(p) == wanted).then_some(label)),
        images: inside.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_within_a_bin_cancel_and_across_bins_add() {
        let of = |labels: &[u8], p: &[f64]| calibration_error(&Predictions::new(labels, p).unwrap());
        assert_eq!(of(&[0, 1], &[0.5, 0.5]), 0.0);
        assert_eq!(of(&[1, 0], &[0.25, 0.75]), 0.75);
        assert_eq!(of(&[1, 1], &[1.0, 1.0]), 0.0);
    }

    #[test]
    fn bins_have_means_and_intervals_and_make_up_the_error() {
        let predictions = Predictions::new(&[0, 1, 1, 0], &[0.9375, 0.9375, 1.0, 0.25]).unwrap();
        let bins = calibration_bins(&predictions, 0.95);
        let [low, high] = bins.as_slice() else { panic!("{bins:?}") };
        assert_eq!((low.predicted, low.observed, low.images), (0.25, 0.0, 1));
        assert_eq!((high.observed, high.images), (2.0 / 3.0, 3));
        let around = high.interval.unwrap();
        assert!(around.low < high.observed && high.observed < around.high && around.high < 1.0);
        let sum: f64 = bins.iter().map(|it| it.images as f64 * (it.predicted - it.observed).abs()).sum();
        assert!((sum / 4.0 - calibration_error(&predictions)).abs() < 1e-12);
    }
}
