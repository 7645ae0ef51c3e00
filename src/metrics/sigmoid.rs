//! The logistic function, in float64.

/// The probability of a float32 logit: `1 / (1 + exp(-z))` in float64.
///
/// In float32 the result would be exactly 1 from z = 17 on, and different logits would tie. Both branches
/// exponentiate a number that is not positive, so nothing overflows.
#[must_use]
pub fn sigmoid(logit: f32) -> f64 {
    let z = f64::from(logit);
    let small = (-z.abs()).exp();
    if z >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

#[cfg(test)]
mod tests {
    use super::sigmoid;

    #[test]
    fn agrees_with_scipy() {
        // scipy.special.expit of the float64 of these float32 numbers.
        for (logit, expected) in [
            (0.0, 0.5),
            (1.608_147_7, 0.833_154_065_697_552_9),
            (-1.489_593_5, 0.183_982_747_804_002_3),
            (-40.0, 4.248_354_255_291_589e-18),
        ] {
            let got = sigmoid(logit);
            assert!((got / expected - 1.0).abs() < 1e-14, "sigmoid({logit}) = {got}, not {expected}");
        }
    }

    #[test]
    fn tells_apart_what_float32_cannot() {
        assert!(sigmoid(20.0) < sigmoid(21.0));
        assert!(sigmoid(30.0) < 1.0);
    }

    #[test]
    fn survives_every_logit() {
        assert_eq!(sigmoid(f32::INFINITY), 1.0);
        assert_eq!(sigmoid(f32::NEG_INFINITY), 0.0);
        assert!(sigmoid(f32::NAN).is_nan());
        assert_eq!(sigmoid(-f32::MAX), 0.0);
    }
}
