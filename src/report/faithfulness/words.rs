//! Numbers, intervals and names as the tables of the report have them.

use crate::{
    metrics::{Interval, faithfulness::Summary},
    report::numbers::level_in_percent,
};

/// `0.123`, or a dash.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), three)
}

/// Three digits behind the point; what rounds to 0 has no sign.
pub(super) fn three(value: f64) -> String {
    let text = format!("{value:.3}");
    if text == "-0.000" { text[1..].to_owned() } else { text }
}

/// `0.101 to 0.145`, or a dash.
pub(super) fn ends(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "-".to_owned(), |ends| format!("{} to {}", three(ends.low), three(ends.high)))
}

/// A method's name; controls are told apart.
pub(super) fn name(label: &str, control: bool) -> String {
    if control { format!("{label} (control)") } else { label.to_owned() }
}

/// What stands above a column of intervals.
pub(super) fn level(summary: &Summary) -> String {
    format!("{} % CI", level_in_percent(summary.bootstrap.level))
}
