//! The ticks of an axis, at round numbers.

/// The smallest and the largest value.
pub(super) fn extremes(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().fold(None, |ends, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// Round numbers in `low..=high`, about `count` of them: multiples of 1, 2, 2.5 or 5 times a power of 10.
pub(super) fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    multiples(low, high, step(low, high, count))
}

/// Whole numbers in `low..=high`, at most about `count` of them.
pub(super) fn whole_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let step = step(low, high, count).max(1.0);
    // 2.5 is round, but not whole.
    multiples(low, high, if step == 2.5 { 5.0 } else { step })
}

fn step(low: f64, high: f64, count: usize) -> f64 {
    let raw = (high - low) / count.max(1) as f64;
    let power = 10_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= raw * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|index| index as f64 * step).collect()
}

/// 1, 2 and 5 times the powers of 10 in `low..=high`, or only the powers if there are many; `low` must be
/// above 0.
pub(super) fn logarithmic_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let factors: &[f64] = if last - first > 4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

/// How many decimals tell neighbouring ticks apart.
pub(super) fn decimals(ticks: &[f64]) -> usize {
    let round = |value: f64, digits: usize| {
        let power = 10_f64.powi(digits as i32);
        (value * power - (value * power).round()).abs() < 1e-6
    };
    (0..6).find(|&digits| ticks.iter().all(|&tick| round(tick, digits))).unwrap_or(6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stand_at_round_numbers() {
        assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(0.13, 0.87, 4), [0.2, 0.4, 0.6000000000000001, 0.8]);
        assert_eq!(whole_ticks(0.5, 3.5, 8), [1.0, 2.0, 3.0]);
        assert_eq!(whole_ticks(0.0, 20.0, 8), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(logarithmic_ticks(0.3, 12.0), [0.5, 1.0, 2.0, 5.0, 10.0]);
        assert_eq!(decimals(&[0.0, 0.25]), 2);
        assert_eq!(decimals(&ticks(0.0, 1.0, 5)), 1);
        assert_eq!(decimals(&[10.0, 20.0]), 0);
    }

    proptest! {
        #[test]
        fn are_few_and_inside(low in -1e3..1e3_f64, span in 1e-3..1e4_f64, count in 2..12_usize) {
            let ticks = ticks(low, low + span, count);
            prop_assert!(!ticks.is_empty() && ticks.len() <= count + 1, "{ticks:?}");
            let slack = span * 1e-6;
            prop_assert!(ticks.iter().all(|&tick| tick >= low - slack && tick <= low + span + slack));
        }
    }
}
