//! The main numbers of a stage: put together, and formatted for logs.

use pcamflow::protocol::Number;

/// Named numbers, in order. Undefined ones are left out.
pub(crate) fn defined<N: Into<String>>(numbers: impl IntoIterator<Item = (N, Option<f64>)>) -> Vec<Number> {
    let number = |(name, value): (N, Option<f64>)| Some(Number { name: name.into(), value: value? });
    numbers.into_iter().filter_map(number).collect()
}

/// A number with at most six significant digits.
pub(crate) fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// All numbers in one line: `accuracy 0.9167, roc-auc 0.97`.
pub(crate) fn line(numbers: &[Number]) -> String {
    let one = |it: &Number| format!("{} {}", it.name, short(it.value));
    numbers.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_undefined_ones_are_left_out() {
        let all = [("roc-auc", 0.123_456_789), ("brier", 1e-7), ("epochs", 8.0), ("ece", f64::NAN)];
        let all = all.into_iter().map(|(name, value)| (name, Some(value))).chain([("mcc", None)]);
        assert_eq!(line(&defined(all)), "roc-auc 0.123457, brier 0.0000001, epochs 8, ece NaN");
    }
}
