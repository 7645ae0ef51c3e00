//! Expected calibration error: the difference of probabilities and frequencies.

use super::Predictions;

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
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        excess[bin] += probability - f64::from(u8::from(label));
    }
    excess.iter().map(|excess| excess.abs()).sum::<f64>() / predictions.len() as f64
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
}
