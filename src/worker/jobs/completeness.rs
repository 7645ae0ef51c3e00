//! How nearly attributions add up to the change of the score that they explain.

use pcamflow::serve::Reporter;

use super::odd_maps::list;
use crate::explain::Delta;

/// The deltas of all maps so far, by row.
#[derive(Debug)]
pub(super) struct Completeness {
    pub(super) tolerance: Option<f64>,
    pub(super) deltas: Vec<(i64, Delta)>,
}

impl Completeness {
    /// The rows with a relative delta above the tolerance. NaN is above every tolerance.
    pub(super) fn failures(&self) -> Vec<i64> {
        let Some(tolerance) = self.tolerance else { return Vec::new() };
        let fails = |delta: &Delta| delta.relative.is_nan() || delta.relative > tolerance;
        self.deltas.iter().filter(|(_, delta)| fails(delta)).map(|(row, _)| *row).collect()
    }

    /// Logs the deltas and warns of those above the tolerance. Returns the largest relative delta, if the
    /// method has deltas.
    pub(super) fn report(&self, reporter: &dyn Reporter) -> Option<f64> {
        let mut sorted: Vec<f64> = self.deltas.iter().map(|(_, delta)| delta.relative).collect();
        sorted.sort_by(f64::total_cmp);
        let (median, largest) = (sorted.get(sorted.len() / 2)?, *sorted.last()?);
        let each = self.deltas.iter().map(|(_, delta)| delta.steps);
        let (mean, steps) = (each.clone().sum::<usize>() as f64 / sorted.len() as f64, each.max()?);
        reporter.info(&format!(
            "completeness: median relative delta {median:.2e}, largest {largest:.2e}; on average {mean:.0} steps, \
             at most {steps}"
        ));
        let failures = self.failures();
        if let (Some(tolerance), false) = (self.tolerance, failures.is_empty()) {
            let (count, total, rows) = (failures.len(), sorted.len(), list(&failures));
            reporter.warn(&format!(
                "{count} of {total} maps miss the tolerance {tolerance} for completeness with {steps} steps \
                 ({rows}); the largest relative delta is {largest:.2e}"
            ));
        }
        Some(largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::Recorder;

    fn failures(tolerance: Option<f64>) -> (Vec<i64>, Vec<String>) {
        let delta = |row: i64, relative| (row, Delta { delta: 1.0, relative, steps: 100 * row as usize });
        let deltas = vec![delta(5, 0.001), delta(6, 0.2), delta(7, 0.01), delta(8, f64::NAN)];
        let completeness = Completeness { tolerance, deltas };
        let recorder = Recorder::default();
        assert!(completeness.report(&recorder).is_some());
        (completeness.failures(), recorder.warnings())
    }

    #[test]
    fn maps_above_the_tolerance_are_counted_and_listed() {
        let (rows, warnings) = failures(Some(0.01));
        assert_eq!(rows, [6, 8]);
        let expected = "2 of 4 maps miss the tolerance 0.01 for completeness with 800 steps (rows 6, 8)";
        assert!(warnings[0].starts_with(expected), "{warnings:?}");
    }

    #[test]
    fn without_a_tolerance_no_map_fails() {
        assert_eq!(failures(None), (Vec::new(), Vec::new()));
        let none = Completeness { tolerance: Some(0.1), deltas: Vec::new() };
        assert_eq!(none.report(&Recorder::default()), None);
    }
}
