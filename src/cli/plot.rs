//! Draws one number of a comparison: over the parameter in which the runs differ, or as a list.

use std::path::Path;

use anyhow::Result;

use super::complain;
use crate::{
    engine::tell::history::{Better, Cell, Column, Comparison, Row, What, shortened},
    fsx::{self, Durability},
    report::{Trial, Trials, trials},
};

/// Draws the column into a file. The message goes to standard error, because the table may go to a program.
pub(super) fn draw(comparison: &Comparison, at: usize, path: &Path) -> Result<()> {
    let varied = varied(comparison);
    let parameter = only_number(comparison, &varied);
    let column = &comparison.columns[at];
    let points = comparison.rows.iter().filter_map(|row| point(row, at, parameter, &varied));
    let points: Vec<Trial> = points.collect();
    let pipeline = comparison.rows.first().map(|row| row.run.pipeline.as_str()).unwrap_or_default();
    let picture = trials(&Trials {
        title: column.name.clone(),
        subtitle: subtitle(column, pipeline, &points),
        parameter: parameter.map(|(at, _)| comparison.columns[*at].name.clone()),
        points,
    })?;
    let bytes = match path.extension().is_some_and(|ending| ending == "png") {
        true => picture.png()?,
        false => picture.svg()?.into_bytes(),
    };
    fsx::write_atomic(path, &bytes, Durability::Relaxed)?;
    let over = parameter.map(|(_, name)| format!(" over {name}")).unwrap_or_default();
    complain(&format!("wrote {}: {}{over}", path.display(), column.name));
    Ok(())
}

/// A column that is not a result, by index, with its short name.
type Varied = (usize, String);

/// The parameters and sources in which the runs differ.
fn varied(comparison: &Comparison) -> Vec<Varied> {
    let names: Vec<&str> = comparison.columns.iter().map(|column| column.name.as_str()).collect();
    let is_varied = |at: usize| matches!(comparison.columns[at].what, What::Parameter | What::Source);
    shortened(&names).into_iter().enumerate().filter(|(at, _)| is_varied(*at)).collect()
}

/// The one column in which the runs differ, if it has a number in every run.
fn only_number<'a>(comparison: &Comparison, varied: &'a [Varied]) -> Option<&'a Varied> {
    let [only] = varied else { return None };
    comparison.rows.iter().all(|row| row.cells[only.0].number().is_some()).then_some(only)
}

fn subtitle(column: &Column, pipeline: &str, points: &[Trial]) -> String {
    let better = match column.better {
        Some(Better::Higher) => ", higher is better",
        Some(Better::Lower) => ", lower is better",
        None => "",
    };
    let any_sd = points.iter().any(|point| point.sd.is_some());
    let bars = if any_sd { "; bars are standard deviations over seeds" } else { "" };
    format!("{} of {pipeline}{better}{bars}", crate::ui::format::plural(points.len(), "run"))
}

fn point(row: &Row, at: usize, parameter: Option<&Varied>, varied: &[Varied]) -> Option<Trial> {
    let (sd, best) = match row.cells[at] {
        Cell::Figure { sd, best, .. } => (sd, best),
        _ => (None, false),
    };
    let x = parameter.and_then(|(at, _)| row.cells[*at].number());
    Some(Trial { label: label(row, varied), x, value: row.cells[at].number()?, sd, best })
}

/// The number of a run, and its values: `17: epochs 8, seed 3`.
fn label(row: &Row, varied: &[Varied]) -> String {
    let value = |(at, name): &Varied| match &row.cells[*at] {
        Cell::Text(text) => Some(format!("{name} {text}")),
        Cell::Default => Some(format!("{name} default")),
        Cell::Absent | Cell::Figure { .. } => None,
    };
    let values: Vec<String> = varied.iter().filter_map(value).collect();
    if values.is_empty() {
        format!("run {}", row.run.id)
    } else {
        format!("{}: {}", row.run.id, values.join(", "))
    }
}
