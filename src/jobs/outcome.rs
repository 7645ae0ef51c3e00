//! The outcome of a stage that is computed here.

use crate::protocol::{Number, Outcome};

/// The outcome of a stage on the CPU, with its main numbers.
pub(super) fn on_cpu(numbers: impl IntoIterator<Item = (&'static str, u64)>) -> Outcome {
    #[allow(clippy::cast_precision_loss, reason = "counts of patches are far below 2^53")]
    let number = |(name, value): (&str, u64)| Number { name: name.to_owned(), value: value as f64 };
    Outcome { numbers: numbers.into_iter().map(number).collect(), device: "cpu".to_owned(), resumed: None }
}
