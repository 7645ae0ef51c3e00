//! The end of the report: odd maps, undefined numbers, and notes.

use super::super::{
    numbers::{thousands, units},
    table::{
        Column::{Left, Right},
        Table,
    },
};
use crate::metrics::faithfulness::{Measure, Summary};

/// Maps that are not ordinary, by method and kind.
pub(super) fn odd_maps(summary: &Summary) -> String {
    let mut table = Table::new([Left, Left, Right, Left]);
    for method in &summary.methods {
        let odd = &method.odd_maps;
        let kinds = [("zero", &odd.zero), ("constant", &odd.constant), ("not finite", &odd.not_finite)];
        for (kind, rows) in kinds.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            let count = thousands(rows.len() as u64);
            table.row([method.label.clone(), kind.to_owned(), count, rows_named(rows)]);
        }
    }
    if table.is_empty() {
        return "Every map is finite, and none is constant.\n".to_owned();
    }
    format!(
        "Odd maps (zero and constant ones are deleted in row-major order; those not finite are left out)\n\n{table}"
    )
}

/// The first few.
fn rows_named(rows: &[i64]) -> String {
    const NAMED: usize = 10;
    let named: Vec<String> = rows.iter().take(NAMED).map(i64::to_string).collect();
    let more = rows.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} {}{more}", if rows.len() == 1 { "row" } else { "rows" }, named.join(", "))
}

/// Every undefined number with its reason; empty if there is none.
pub(super) fn undefined(summary: &Summary) -> String {
    if summary.undefined.is_empty() {
        return String::new();
    }
    let lines = summary.undefined.iter().map(|it| format!("- {}: {}\n", it.value, it.reason));
    format!("Undefined here\n\n{}", lines.collect::<String>())
}

/// What a reader should know.
pub(super) fn notes(summary: &Summary) -> String {
    let mut notes = summary.notes.clone();
    let all = summary.differences.iter().flat_map(|it| Measure::ALL.map(|measure| measure.of_difference(it)));
    if all.flatten().any(|it| it.p_corrected.is_some()) {
        notes.push(format!(
            "A star marks differences with p of at most {:.2}. p is that of a sign-flip test over {}, corrected \
             by Holm's method for the number of pairs in each measure, but not for the number of measures. \
             Intervals are not corrected: each is that of its difference alone.",
            1.0 - summary.bootstrap.level,
            units(summary.slides)
        ));
    }
    notes.push(
        "Shares (pointing) have Wilson's interval; where slides are known, with fewer images where those of a \
         slide are alike."
            .to_owned(),
    );
    let lines = notes.iter().map(|note| format!("- {}\n", broken(note)));
    format!("Notes\n\n{}", lines.collect::<String>())
}

/// Breaks a list item into lines of at most 100 letters.
pub(super) fn broken(text: &str) -> String {
    let (mut broken, mut length) = (String::new(), 2);
    for word in text.split_whitespace() {
        let letters = word.chars().count();
        if length + 1 + letters > 100 && !broken.is_empty() {
            broken += "\n  ";
            length = 2;
        } else if !broken.is_empty() {
            broken.push(' ');
            length += 1;
        }
        broken += word;
        length += letters;
    }
    broken
}
