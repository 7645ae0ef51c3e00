//! The trials of a sweep as a table in Markdown.
//!
//! Knows the results of trials; `trials` chooses the numbers.

use super::{
    super::{format, trials},
    cells::{code, prose, row, table},
};
use crate::engine::tell::trials::{TrialOutcome, TrialResult};

/// A row for each trial, or nothing without trials.
pub(super) fn text(results: &[TrialResult]) -> String {
    let columns = trials::columns(results);
    let numbers: Vec<String> = columns.iter().map(|column| prose(&column.title)).collect();
    let titles: Vec<&str> =
        ["trial", "result", "time"].into_iter().chain(numbers.iter().map(String::as_str)).collect();
    let rows = results.iter().enumerate().map(|(index, trial)| {
        let numbers = columns.iter().map(|column| number(column, index));
        let cells = [code(&trial.trial), result(trial), trials::time(trial)].into_iter().chain(numbers);
        row(&cells.collect::<Vec<_>>())
    });
    let alignment = format!("|---|---|{}", "--:|".repeat(columns.len() + 1));
    table(&titles, &alignment, &rows.collect::<Vec<_>>())
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

/// The best number of a column is bold.
fn number(column: &trials::Column, trial: usize) -> String {
    match column.values.get(trial).copied().flatten() {
        None => "-".to_owned(),
        Some(value) if column.best == Some(value) => format!("**{}**", format::number(value)),
        Some(value) => format::number(value),
    }
}
