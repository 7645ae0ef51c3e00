//! Maps that say nothing: counted, told to the user, never dropped.

use pcamflow::{metrics::MapRange, serve::Reporter};

/// How many rows a warning names.
const NAMED: usize = 10;

/// The rows whose maps are not ordinary.
#[derive(Debug, Default)]
pub(super) struct OddMaps {
    /// 0 everywhere: the method found nothing.
    pub(super) zero: Vec<i64>,
    /// One value, not 0, everywhere.
    pub(super) constant: Vec<i64>,
    /// NaN or infinite somewhere.
    pub(super) not_finite: Vec<i64>,
}

impl OddMaps {
    /// Looks at one map.
    pub(super) fn look(&mut self, row: i64, map: &[f32]) {
        match MapRange::of(map) {
            MapRange::Varied { .. } => (),
            MapRange::Zero => self.zero.push(row),
            MapRange::Constant(_) => self.constant.push(row),
            MapRange::NotFinite(_) => self.not_finite.push(row),
        }
    }

    /// Warns of each sort that occurred.
    pub(super) fn report(&self, total: usize, reporter: &dyn Reporter) {
        let sorts = [
            (&self.zero, "0 everywhere: the method finds no evidence for the score there"),
            (&self.constant, "constant: every pixel has the same value"),
            (&self.not_finite, "not finite: some pixels are NaN or infinite"),
        ];
        for (rows, what) in sorts.into_iter().filter(|(rows, _)| !rows.is_empty()) {
            reporter.warn(&format!("{} of {total} maps are {what} ({})", rows.len(), name(rows)));
        }
    }
}

/// Some rows in words: `rows 3, 5 and 12 more`.
pub(super) fn name(rows: &[i64]) -> String {
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
    use crate::jobs::testing::Heard;

    #[test]
    fn every_sort_is_told_with_its_rows() {
        let mut odd = OddMaps::default();
        odd.look(3, &[0.0, 0.0]);
        odd.look(4, &[0.0, 1.0]);
        odd.look(5, &[f32::NAN, 1.0]);
        (10..22).for_each(|row| odd.look(row, &[2.0, 2.0]));
        let heard = Heard::default();
        odd.report(15, &heard);
        let warnings = heard.warnings();
        assert_eq!(warnings.len(), 3);
        assert!(warnings[0].starts_with("1 of 15 maps are 0 everywhere") && warnings[0].ends_with("(row 3)"));
        assert!(warnings[1].starts_with("12 of 15 maps are constant"), "{warnings:?}");
        assert!(warnings[1].ends_with("(rows 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 2 more)"));
        assert!(warnings[2].contains("not finite") && warnings[2].ends_with("(row 5)"));
    }
}
