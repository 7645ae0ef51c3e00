//! The area under a curve of scores.

/// The share of pixels deleted (or inserted) at each point, in steps of `step` pixels, from 0 to 1. The last step
/// is smaller if `step` does not divide `pixels`.
///
/// ```
/// use pcamflow::metrics::faithfulness::fractions;
///
/// assert_eq!(fractions(10, 4), [0.0, 0.4, 0.8, 1.0]);
/// assert_eq!(fractions(9216, 96).len(), 97);
/// ```
#[must_use]
pub fn fractions(pixels: usize, step: usize) -> Vec<f64> {
    let before_last = (0..pixels).step_by(step.max(1));
    before_last.chain([pixels]).map(|gone| gone as f64 / pixels.max(1) as f64).collect()
}

/// The area under `scores` at `fractions`, by the trapezoidal rule. With equal steps this is
/// `(sum a - a_0/2 - a_n/2) / n`.
#[must_use]
pub fn auc(scores: &[f64], fractions: &[f64]) -> f64 {
    let pieces = scores.windows(2).zip(fractions.windows(2));
    pieces.map(|(score, at)| (at[1] - at[0]) * (score[0] + score[1]) / 2.0).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn uneven_steps_count_by_their_width() {
        // numpy.trapezoid([1, .5, .5, 0], [0, .4, .8, 1])
        assert!((auc(&[1.0, 0.5, 0.5, 0.0], &fractions(10, 4)) - 0.55).abs() < 1e-15);
        assert_eq!(fractions(10, 20), [0.0, 1.0]);
        assert_eq!(fractions(9216, 96)[48], 0.5);
    }

    proptest! {
        #[test]
        fn is_the_sum_of_the_definitions_where_steps_are_equal(
            scores in prop::collection::vec(0.0..1.0_f64, 97),
        ) {
            let ends = (scores[0] + scores[96]) / 2.0;
            let expected = (scores.iter().sum::<f64>() - ends) / 96.0;
            prop_assert!((auc(&scores, &fractions(9216, 96)) - expected).abs() < 1e-13);
        }

        #[test]
        fn a_straight_line_has_the_mean_of_its_ends(
            a in 0.0..1.0_f64, b in 0.0..1.0_f64, pixels in 1..2000_usize, step in 1..300_usize,
        ) {
            let fractions = fractions(pixels, step);
            let line: Vec<f64> = fractions.iter().map(|at| a + (b - a) * at).collect();
            prop_assert_eq!((fractions.first(), fractions.last()), (Some(&0.0), Some(&1.0)));
            prop_assert_eq!(fractions.len(), pixels.div_ceil(step) + 1);
            prop_assert!((auc(&line, &fractions) - (a + b) / 2.0).abs() < 1e-12);
        }
    }
}
