//! Warnings about maps that are zero, constant or not finite. They are counted, never dropped.

use pcamflow::{metrics::faithfulness::OddMaps, serve::Reporter};

/// How many rows a warning names.
const NAMED: usize = 10;

/// Warns of each kind of odd map. `notes` explain the kinds: zero, constant, not finite.
pub(super) fn warn(reporter: &dyn Reporter, prefix: &str, odd: &OddMaps, total: usize, notes: [&str; 3]) {
    let kinds = [("0 everywhere", &odd.zero), ("constant", &odd.constant), ("not finite", &odd.not_finite)];
    for ((kind, rows), note) in kinds.into_iter().zip(notes) {
        if !rows.is_empty() {
            let (count, rows) = (rows.len(), list(rows));
            reporter.warn(&format!("{prefix}{count} of {total} maps are {kind}: {note} ({rows})"));
        }
    }
}

/// Some rows in words: `rows 3, 5 and 12 more`.
pub(super) fn list(rows: &[i64]) -> String {
    let named: Vec<String> = rows.iter().take(NAMED).map(i64::to_string).collect();
    let more = match rows.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} {}{more}", if rows.len() == 1 { "row" } else { "rows" }, named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::Recorder;

    #[test]
    fn each_kind_is_one_warning_with_its_rows() {
        let odd = OddMaps { zero: vec![3], constant: (10..22).collect(), not_finite: vec![5] };
        let recorder = Recorder::default();
        warn(&recorder, "a: ", &odd, 15, ["x", "y", "z"]);
        let expected = [
            "a: 1 of 15 maps are 0 everywhere: x (row 3)",
            "a: 12 of 15 maps are constant: y (rows 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 2 more)",
            "a: 1 of 15 maps are not finite: z (row 5)",
        ];
        assert_eq!(recorder.warnings(), expected);
    }
}
