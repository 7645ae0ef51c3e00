//! The trials of a sweep as a table in Markdown.
//!
//! Knows what came of them; which of their numbers tell most is known elsewhere.

use super::{
    super::{format, trials},
    cells::{MANY, code, prose},
};
use crate::engine::tell::trials::{TrialOutcome, TrialResult};

/// A row for each trial; nothing where there is none.
pub(super) fn table(results: &[TrialResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let columns = trials::columns(results);
    let titles = columns.iter().map(|column| prose(&column.title));
    let titles: Vec<String> =
        ["trial", "result", "time"].map(str::to_owned).into_iter().chain(titles).collect();
    let rows = results.iter().enumerate().take(MANY).map(|(index, trial)| {
        let numbers = columns.iter().map(|column| number(column, index));
        row(&[code(&trial.trial), result(trial), time(trial)].into_iter().chain(numbers).collect::<Vec<_>>())
    });
    let more = match results.len().saturating_sub(MANY) {
        0 => String::new(),
        more => format!("\nand {}\n", format::plural(more, "more trial")),
    };
    let rows: String = rows.collect();
    format!("{}|---|---|{}\n{rows}{more}", row(&titles), "--:|".repeat(columns.len() + 1))
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn result(trial: &TrialResult) -> String {
    match trial.outcome {
        TrialOutcome::Done if trial.cached => "cached".to_owned(),
        TrialOutcome::Done => "done".to_owned(),
        TrialOutcome::Failed => {
            let stages: Vec<String> = trial.failed.iter().map(|stage| code(stage)).collect();
            format!("**failed**: {}", stages.join(", "))
        }
        TrialOutcome::NotRun => "not finished".to_owned(),
    }
}

fn time(trial: &TrialResult) -> String {
    if trial.seconds > 0.0 { format::duration(trial.seconds) } else { String::new() }
}

/// The best of its column stands out.
fn number(column: &trials::Column, trial: usize) -> String {
    match column.values.get(trial).copied().flatten() {
        None => "-".to_owned(),
        Some(value) if column.best == Some(value) => format!("**{}**", format::number(value)),
        Some(value) => format::number(value),
    }
}
