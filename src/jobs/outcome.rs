//! What a stage that is computed here says of itself.

use crate::protocol::{Number, Outcome};

/// What a stage on the CPU says of itself.
pub(super) fn on_cpu(numbers: impl IntoIterator<Item = (&'static str, u64)>) -> Outcome {
    #[allow(clippy::cast_precision_loss, reason = "counts of patches are far below 2^53")]
    let number = |(name, value): (&str, u64)| Number { name: name.to_owned(), value: value as f64 };
    Outcome { numbers: numbers.into_iter().map(number).collect(), device: "cpu".to_owned(), resumed: None }
}
