//! How nearly attributions add up to what they explain: told to the user, with the images of which they
//! do not.

use pcamflow::{protocol::Number, serve::Reporter};

use super::odd_maps::name;
use crate::explain::Delta;

/// The deltas of the maps seen so far.
#[derive(Debug, Default)]
pub(super) struct Completeness {
    tolerance: Option<f64>,
    relative: Vec<f64>,
    /// Rows whose relative delta is above the tolerance.
    above: Vec<i64>,
    most_steps: usize,
}

impl Completeness {
    pub(super) fn new(tolerance: Option<f64>) -> Self {
        Self { tolerance, ..Self::default() }
    }

    /// Takes the delta of one image.
    pub(super) fn add(&mut self, row: i64, delta: &Delta) {
        self.relative.push(delta.relative);
        self.most_steps = self.most_steps.max(delta.steps);
        // A delta that is no number is above every tolerance.
        if self.tolerance.is_some_and(|tolerance| delta.relative.is_nan() || delta.relative > tolerance) {
            self.above.push(row);
        }
    }

    /// How many images remain above the tolerance.
    pub(super) fn failures(&self) -> usize {
        self.above.len()
    }

    /// Says how large the deltas are, and warns of those above the tolerance.
    pub(super) fn report(&self, reporter: &dyn Reporter) {
        let Some((median, largest)) = self.middle_and_largest() else { return };
        reporter.info(&format!(
            "completeness: relative delta {median:.2e} in the median, {largest:.2e} at most; {} steps at most",
            self.most_steps
        ));
        if let (Some(tolerance), false) = (self.tolerance, self.above.is_empty()) {
            let (count, total, rows) = (self.above.len(), self.relative.len(), name(&self.above));
            reporter.warn(&format!(
                "{count} of {total} maps miss the tolerance {tolerance} for completeness with {} steps ({rows}); \
                 the largest relative delta is {largest:.2e}",
                self.most_steps
            ));
        }
    }

    /// For the summary; nothing where the method knows no completeness.
    pub(super) fn numbers(&self) -> Option<Number> {
        let (_, value) = self.middle_and_largest()?;
        Some(Number { name: "largest-relative-delta".to_owned(), value })
    }

    fn middle_and_largest(&self) -> Option<(f64, f64)> {
        let mut sorted = self.relative.clone();
        sorted.sort_by(f64::total_cmp);
        Some((*sorted.get(sorted.len() / 2)?, *sorted.last()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::Heard;

    fn with(tolerance: Option<f64>) -> (Completeness, Vec<String>) {
        let mut it = Completeness::new(tolerance);
        for (row, relative) in [(5, 0.001), (6, 0.2), (7, 0.01), (8, f64::NAN)] {
            it.add(row, &Delta { delta: 1.0, relative, steps: 100 * row as usize });
        }
        let heard = Heard::default();
        it.report(&heard);
        let warnings = heard.warnings();
        (it, warnings)
    }

    #[test]
    fn what_is_above_the_tolerance_is_counted_and_named() {
        let (it, warnings) = with(Some(0.01));
        assert_eq!(it.failures(), 2);
        let told = "2 of 4 maps miss the tolerance 0.01 for completeness with 800 steps (rows 6, 8)";
        assert!(warnings[0].starts_with(told), "{warnings:?}");
    }

    #[test]
    fn without_a_tolerance_nothing_is_missed() {
        let (it, warnings) = with(None);
        assert_eq!((it.failures(), warnings.len()), (0, 0));
        assert_eq!(it.numbers().unwrap().name, "largest-relative-delta");
        assert!(Completeness::new(Some(0.1)).numbers().is_none());
    }
}
