//! The page of a sweep, or of some runs, from their records.

use std::collections::BTreeSet;

use super::super::{Error, history::History, latest};
use crate::{
    engine::tell::history::{Better, Cell, Column, Comparison, What, compare as side_by_side},
    html::{self, Role, Trial, Trials},
    ui::format,
};

/// The trials of a sweep: its id, or `latest`.
pub(super) fn of_sweep(history: &History, id: &str) -> Result<Trials, Error> {
    let comparison = side_by_side(latest::of_sweep(history, id)?);
    let first = comparison.rows.first().map(|row| &row.run);
    let id = first.and_then(|run| run.sweep.as_ref()).map_or(id, |trial| trial.id.as_str());
    let pipeline = first.map(|run| run.pipeline.as_str()).unwrap_or_default();
    Ok(trials(&comparison, format!("sweep {id} of {pipeline}")))
}

/// Runs side by side.
pub(super) fn of_runs(comparison: &Comparison) -> Trials {
    let pipelines: BTreeSet<&str> = comparison.rows.iter().map(|row| row.run.pipeline.as_str()).collect();
    let names: Vec<&str> = pipelines.into_iter().collect();
    let title = format!("{} of {}", format::plural(comparison.rows.len(), "run"), names.join(" and "));
    trials(comparison, title)
}

fn trials(comparison: &Comparison, title: String) -> Trials {
    let shown: Vec<usize> = (0..comparison.columns.len()).filter(|at| is_shown(comparison, *at)).collect();
    let name = |row: &crate::engine::tell::history::Row| match &row.run.sweep {
        Some(trial) => trial.trial.clone(),
        None => format!("run {}", row.run.id),
    };
    let rows = comparison.rows.iter();
    Trials {
        title,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        columns: shown.iter().map(|at| column(&comparison.columns[*at])).collect(),
        trials: rows
            .map(|row| Trial {
                name: name(row),
                cells: shown.iter().map(|at| cell(&row.cells[*at])).collect(),
            })
            .collect(),
    }
}

/// Numbers that are the same in all runs say nothing about them.
fn is_shown(comparison: &Comparison, at: usize) -> bool {
    let mut numbers = comparison.rows.iter().map(|row| row.cells[at].number());
    let first = numbers.next().flatten();
    comparison.columns[at].what != What::Number || numbers.any(|number| number != first)
}

fn column(column: &Column) -> html::Column {
    let high_is_better = column.better.map(|better| better == Better::Higher);
    html::Column { name: column.name.clone(), role: role(column), high_is_better }
}

/// The numbers of trainings are of validation patches; those of other stages are of patches that stand for new ones.
fn role(column: &Column) -> Role {
    match column.what {
        What::Parameter | What::Source | What::Commit | What::Asked => Role::Value,
        What::Seconds => Role::Other,
        What::Number if column.name.contains(".validation-") => Role::Validation,
        What::Number if column.name.starts_with("evaluate.") => Role::Test,
        What::Number => Role::Other,
    }
}

fn cell(cell: &Cell) -> html::Cell {
    let text = match cell {
        Cell::Absent => "–".to_owned(),
        Cell::Default => "default".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Figure { mean, sd, .. } => format::with_spread(*mean, *sd),
    };
    html::Cell { text, number: cell.number() }
}
