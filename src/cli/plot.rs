//! Draws one number of a comparison: over the parameter in which the runs differ, or as a list.

use std::path::Path;

use anyhow::Result;

use super::{complain, intervals::interval};
use crate::{
    engine::tell::history::{Better, Cell, Column, Comparison, Row, What, shortened},
    fsx::{self, Durability},
    metrics::{Bootstrap, Interval},
    report::{Trial, Trials, trials},
    store::Store,
};

/// Draws the column into a file. The message goes to standard error, because the table may go to a program.
pub(super) fn draw(store: &Store, comparison: &Comparison, at: usize, path: &Path) -> Result<()> {
    // Runs without the number are not drawn, so what only they differ in says nothing.
    let rows: Vec<&Row> = comparison.rows.iter().filter(|row| row.cells[at].number().is_some()).collect();
    let varied = varied(&comparison.columns, &rows);
    let parameter = only_number(&rows, &varied);
    let column = &comparison.columns[at];
    let bars: Vec<Bar> = rows.iter().map(|row| bar(store, row, column, &row.cells[at])).collect();
    let points = rows.iter().zip(&bars).filter_map(|(row, bar)| point(row, at, parameter, &varied, bar));
    let pipeline = rows.first().map(|row| row.run.pipeline.as_str()).unwrap_or_default();
    let picture = trials(&Trials {
        title: column.name.clone(),
        subtitle: subtitle(column, pipeline, &bars),
        parameter: parameter.map(|(at, _)| comparison.columns[*at].name.clone()),
        points: points.collect(),
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

/// How sure a number is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bar {
    /// That is not known.
    None,
    /// Mean and standard deviation over seeds.
    Seeds(Interval),
    /// The confidence interval of a single run.
    Run(Interval),
}

fn bar(store: &Store, row: &Row, column: &Column, cell: &Cell) -> Bar {
    match *cell {
        Cell::Figure { mean, sd: Some(sd), .. } => Bar::Seeds(Interval { low: mean - sd, high: mean + sd }),
        Cell::Figure { .. } => interval(store, &row.run, &column.name).map_or(Bar::None, Bar::Run),
        _ => Bar::None,
    }
}

/// A column that is not a result, by index, with its short name.
type Varied = (usize, String);

/// The parameters and sources in which the rows differ.
fn varied(columns: &[Column], rows: &[&Row]) -> Vec<Varied> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let is_varied = |at: usize| {
        let mut cells = rows.iter().map(|row| &row.cells[at]).filter(|cell| **cell != Cell::Absent);
        let first = cells.next();
        // A list of one row names all its values, because there is nothing to be equal to.
        let differs = rows.len() == 1 || cells.any(|cell| Some(cell) != first);
        matches!(columns[at].what, What::Parameter | What::Source) && differs
    };
    shortened(&names).into_iter().enumerate().filter(|(at, _)| is_varied(*at)).collect()
}

/// The one column in which the rows differ, if it has a number in every one.
fn only_number<'a>(rows: &[&Row], varied: &'a [Varied]) -> Option<&'a Varied> {
    let [only] = varied else { return None };
    rows.iter().all(|row| row.cells[only.0].number().is_some()).then_some(only)
}

fn subtitle(column: &Column, pipeline: &str, bars: &[Bar]) -> String {
    let better = match column.better {
        Some(Better::Higher) => ", higher is better",
        Some(Better::Lower) => ", lower is better",
        None => "",
    };
    let seeds = bars.iter().any(|bar| matches!(bar, Bar::Seeds(_)));
    let run = bars.iter().any(|bar| matches!(bar, Bar::Run(_)));
    let level = 100.0 * Bootstrap::default().level;
    let kinds = match (seeds, run) {
        (false, false) => String::new(),
        (true, false) => "; bars: standard deviation over seeds".to_owned(),
        (false, true) => format!("; bars: {level:.0} % CI of each run"),
        (true, true) => format!("; bars: SD over seeds, or {level:.0} % CI of a single run"),
    };
    format!("{} of {pipeline}{better}{kinds}", crate::ui::format::plural(bars.len(), "run"))
}

fn point(row: &Row, at: usize, parameter: Option<&Varied>, varied: &[Varied], bar: &Bar) -> Option<Trial> {
    let best = matches!(row.cells[at], Cell::Figure { best: true, .. });
    let x = parameter.and_then(|(at, _)| row.cells[*at].number());
    let bar = match *bar {
        Bar::None => None,
        Bar::Seeds(ends) | Bar::Run(ends) => Some(ends),
    };
    Some(Trial { label: label(row, varied), x, value: row.cells[at].number()?, bar, best })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{RunRecord, RunState};

    fn columns() -> Vec<Column> {
        let column = |name: &str, what| Column { name: name.to_owned(), what, better: None };
        vec![
            column("train.t.epochs", What::Parameter),
            column("split.d.images", What::Source),
            column("evaluate.e.accuracy", What::Number),
        ]
    }

    fn row(epochs: &str, images: &str) -> Row {
        let accuracy = Cell::Figure { mean: 0.9, sd: None, n: 1, best: false };
        let cells = vec![Cell::Text(epochs.to_owned()), Cell::Text(images.to_owned()), accuracy];
        Row { run: RunRecord { id: 7, ..RunRecord::default() }, state: RunState::Done, cells }
    }

    #[test]
    fn labels_name_only_what_differs_between_the_drawn_runs() {
        let (one, two) = (row("8", "x.h5"), row("9", "x.h5"));
        let varied = varied(&columns(), &[&one, &two]);
        assert_eq!(varied, [(0, "epochs".to_owned())]);
        assert_eq!(label(&two, &varied), "7: epochs 9");
        assert_eq!(only_number(&[&one, &two], &varied), Some(&(0, "epochs".to_owned())));
    }

    #[test]
    fn the_subtitle_says_what_bars_are() {
        let ends = Interval { low: 0.8, high: 0.9 };
        let says = |bars: &[Bar]| subtitle(&columns()[2], "full", bars);
        assert_eq!(says(&[Bar::None]), "1 run of full");
        assert_eq!(says(&[Bar::Run(ends); 2]), "2 runs of full; bars: 95 % CI of each run");
        assert!(says(&[Bar::Run(ends), Bar::Seeds(ends)]).contains("SD over seeds, or 95 % CI"));
    }
}
