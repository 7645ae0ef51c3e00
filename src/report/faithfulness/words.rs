//! Numbers, intervals and names in the tables of the report.

use crate::{
    metrics::{
        Interval,
        faithfulness::{MethodSummary, Summary},
    },
    report::numbers::level_in_percent,
};

/// `0.123`, or a dash.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), three)
}

/// Three decimals; what rounds to 0 has no sign.
pub(super) fn three(value: f64) -> String {
    let text = format!("{value:.3}");
    if text == "-0.000" { text[1..].to_owned() } else { text }
}

/// `0.101 to 0.145`, or a dash.
pub(super) fn ends(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "-".to_owned(), |ends| format!("{} to {}", three(ends.low), three(ends.high)))
}

/// The name of a method, and whether it is a control.
pub(super) fn name(method: &MethodSummary) -> String {
    format!("{}{}", method.label, if method.control { " (control)" } else { "" })
}

/// The heading of a column of intervals.
pub(super) fn level(summary: &Summary) -> String {
    format!("{} % CI", level_in_percent(summary.bootstrap.level))
}
