//! Brier's score.

use super::Predictions;

/// The mean squared difference of probability and label, 0 (best) to 1 (Brier 1950, for two classes, as in
/// scikit-learn).
#[must_use]
pub fn brier(predictions: &Predictions) -> f64 {
    predictions.mean(|label, probability| (probability - f64::from(u8::from(label))).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_mean_squared_error() {
        let predictions = Predictions::new(&[0, 1], &[0.5, 0.75]).unwrap();
        assert_eq!(brier(&predictions), (0.25 + 0.0625) / 2.0);
    }
}
