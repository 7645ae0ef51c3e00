//! The logarithmic loss.

use super::Predictions;

/// The mean of `-ln` of the probability of the true class. Probabilities are clipped by float64's epsilon, as
/// in scikit-learn, so the loss is finite (at most 36.04).
#[must_use]
pub fn log_loss(predictions: &Predictions) -> f64 {
    predictions.mean(|label, probability| {
        let probability = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        -(if label { probability } else { 1.0 - probability }).ln()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_coin_is_ln_2() {
        let predictions = Predictions::new(&[0, 1, 1], &[0.5; 3]).unwrap();
        assert!((log_loss(&predictions) - std::f64::consts::LN_2).abs() < 1e-15);
    }

    #[test]
    fn of_certain_error_is_finite() {
        let predictions = Predictions::new(&[0, 1], &[1.0, 0.0]).unwrap();
        assert!((log_loss(&predictions) + f64::EPSILON.ln()).abs() < 1e-12);
    }
}
