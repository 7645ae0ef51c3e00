//! Results in words, for logs.

use pcamflow::protocol::Number;

/// A number with six significant digits, and no more of them than it has.
pub(crate) fn number(value: f64) -> String {
    let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    short.to_string()
}

/// What came out: `accuracy 0.9167, roc-auc 0.97`; under the names that they have everywhere.
pub(crate) fn numbers(numbers: &[Number]) -> String {
    let one = |it: &Number| format!("{} {}", it.name, number(it.value));
    numbers.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_their_names() {
        let all = [("roc-auc", 0.123_456_789), ("brier", 1e-7), ("epochs", 8.0), ("ece", f64::NAN)];
        let all = all.map(|(name, value)| Number { name: name.to_owned(), value });
        assert_eq!(numbers(&all), "roc-auc 0.123457, brier 0.0000001, epochs 8, ece NaN");
    }
}
