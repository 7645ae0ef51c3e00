//! Shows runs side by side: as a table, as CSV and as JSON.
//!
//! Knows what a comparison contains; computes nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    View, format, json,
    paint::Tone,
    run,
    table::{Cell as TableCell, GAP, Table, cell, width},
    view_of_stdout,
};
use crate::{
    engine::tell::history::{Cell, Column, Comparison, Row, What, shortened},
    store::RunState,
};

/// A comparison as a table. It has the first number of each stage that differs between runs, and the numbers with the
/// `asked` names.
#[must_use]
pub fn table(comparison: &Comparison, asked: &[String]) -> String {
    table_text(comparison, asked, &view_of_stdout())
}

/// A comparison as CSV: every column with all digits, and for repeats the standard deviation and the count.
///
/// # Errors
/// None in practice: it writes to memory.
pub fn csv(comparison: &Comparison) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let spread: Vec<bool> = (0..comparison.columns.len()).map(|at| is_spread(comparison, at)).collect();
    let mut header: Vec<String> =
        ["run", "started", "pipeline", "trial", "state"].map(str::to_owned).to_vec();
    for (column, spread) in comparison.columns.iter().zip(&spread) {
        header.push(column.name.clone());
        if *spread {
            header.extend([format!("{} sd", column.name), format!("{} n", column.name)]);
        }
    }
    writer.write_record(&header)?;
    for row in &comparison.rows {
        writer.write_record(csv_row(row, &spread))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn csv_row(row: &Row, spread: &[bool]) -> Vec<String> {
    let trial = row.run.sweep.as_ref().map(|it| it.trial.clone()).unwrap_or_default();
    let (_, state) = run::outcome(row.state);
    let (started, pipeline) = (row.run.started.clone(), row.run.pipeline.clone());
    let mut fields = vec![row.run.id.to_string(), started, pipeline, trial, state.to_owned()];
    for (cell, spread) in row.cells.iter().zip(spread) {
        let (value, sd, n) = match cell {
            Cell::Absent => Default::default(),
            Cell::Default => ("default".to_owned(), String::new(), String::new()),
            Cell::Text(text) => (text.clone(), String::new(), String::new()),
            Cell::Figure { mean, sd, n, .. } => {
                (mean.to_string(), sd.map(|sd| sd.to_string()).unwrap_or_default(), n.to_string())
            }
        };
        fields.push(value);
        if *spread {
            fields.extend([sd, n]);
        }
    }
    fields
}

fn is_spread(comparison: &Comparison, at: usize) -> bool {
    comparison.rows.iter().any(|row| matches!(row.cells[at], Cell::Figure { n: 2.., .. }))
}

/// A comparison as one JSON object.
#[must_use]
pub fn object(comparison: &Comparison) -> String {
    #[derive(Serialize)]
    struct Run<'a> {
        run: u64,
        started: &'a str,
        pipeline: &'a str,
        trial: Option<&'a str>,
        state: RunState,
        values: BTreeMap<&'a str, &'a Cell>,
    }
    #[derive(Serialize)]
    struct Object<'a> {
        columns: &'a [Column],
        runs: Vec<Run<'a>>,
    }
    let runs = comparison
        .rows
        .iter()
        .map(|row| Run {
            run: row.run.id,
            started: &row.run.started,
            pipeline: &row.run.pipeline,
            trial: row.run.sweep.as_ref().map(|it| it.trial.as_str()),
            state: row.state,
            values: comparison.columns.iter().map(|column| column.name.as_str()).zip(&row.cells).collect(),
        })
        .collect();
    json::object("comparison", &Object { columns: &comparison.columns, runs })
}

/// One column of the table.
#[derive(Clone)]
struct Shown {
    heading: String,
    cells: Vec<TableCell>,
    right: bool,
}

fn table_text(comparison: &Comparison, asked: &[String], view: &View) -> String {
    let asked = |at: usize| asked.contains(&comparison.columns[at].name);
    let all = 0..comparison.columns.len();
    let differ: Vec<usize> = all.filter(|at| asked(*at) || differs(comparison, *at)).collect();
    let is_shown = |at: &usize| asked(*at) || is_first_of_stage(comparison, &differ, *at);
    let places: Vec<usize> = differ.iter().copied().filter(is_shown).collect();
    let names: Vec<&str> = places.iter().map(|at| comparison.columns[*at].name.as_str()).collect();
    let mut columns: Vec<Shown> = trials_column(comparison).into_iter().collect();
    let named = places.iter().zip(shortened(&names));
    columns.extend(named.map(|(at, name)| shown(comparison, *at, &with_stage(comparison, *at, name))));
    columns.extend(states_column(comparison));
    let cells = comparison.rows.iter().map(|row| row.run.id.to_string().into()).collect();
    let first = Shown { heading: "run".to_owned(), cells, right: true };
    let blocks = blocks(&first, columns, view.width);
    let text = blocks.iter().map(|columns| block(columns, view)).collect::<Vec<_>>().join("\n");
    text + &notes(comparison, differ.len() - places.len())
}

/// The columns in tables that fit the width, each with the `first` column.
fn blocks(first: &Shown, columns: Vec<Shown>, width: Option<usize>) -> Vec<Vec<Shown>> {
    let mut blocks = Vec::new();
    let mut block = vec![first.clone()];
    for column in columns {
        let total: usize = block.iter().map(|column| column.width() + GAP.len()).sum();
        if block.len() > 1 && width.is_some_and(|width| total + column.width() > width) {
            blocks.push(std::mem::replace(&mut block, vec![first.clone()]));
        }
        block.push(column);
    }
    blocks.push(block);
    blocks
}

fn block(columns: &[Shown], view: &View) -> String {
    let letters: String = columns.iter().map(|column| if column.right { 'r' } else { 'l' }).collect();
    let mut table = Table::headed(&letters, columns.iter().map(|column| column.heading.as_str()));
    for place in 0..columns[0].cells.len() {
        table.row(columns.iter().map(|column| column.cells[place].clone()));
    }
    table.text(view)
}

/// The trials, if any has a name. Otherwise they are called like their values, `epochs=8`, which have columns.
fn trials_column(comparison: &Comparison) -> Option<Shown> {
    let any = comparison
        .rows
        .iter()
        .filter_map(|row| row.run.sweep.as_ref())
        .any(|trial| !trial.trial.contains('='));
    let trial = |row: &Row| row.run.sweep.as_ref().map(|it| brief(&it.trial)).unwrap_or_default().into();
    let cells = comparison.rows.iter().map(trial).collect();
    any.then(|| Shown { heading: "trial".to_owned(), cells, right: false })
}

/// The states of the runs, unless all are done.
fn states_column(comparison: &Comparison) -> Option<Shown> {
    let cells = comparison.rows.iter().map(|row| run::outcome(row.state).1.into()).collect();
    let any = comparison.rows.iter().any(|row| row.state != RunState::Done);
    any.then(|| Shown { heading: "outcome".to_owned(), cells, right: false })
}

/// The heading of a column. A number names its stage, also where no other stage has such a number.
fn with_stage(comparison: &Comparison, at: usize, short: String) -> String {
    let column = &comparison.columns[at];
    match column.name.splitn(3, '.').collect::<Vec<_>>().as_slice() {
        [_, stage, number] if column.what == What::Number && *number == short => format!("{stage}.{short}"),
        _ => short,
    }
}

/// Whether a column is not a number, or differs between runs.
fn differs(comparison: &Comparison, at: usize) -> bool {
    let column = &comparison.columns[at];
    let mut values = comparison.rows.iter().map(|row| row.cells[at].number());
    let first = values.next();
    column.what != What::Number || comparison.rows.len() < 2 || values.any(|value| Some(value) != first)
}

/// Whether a column is not a number of a stage, or the first number of its stage that differs.
fn is_first_of_stage(comparison: &Comparison, differ: &[usize], at: usize) -> bool {
    let columns = &comparison.columns;
    let stage = |at: usize| columns[at].name.splitn(3, '.').take(2).collect::<Vec<_>>();
    let is_number = |at: usize| columns[at].what == What::Number;
    !is_number(at)
        || differ.iter().find(|other| is_number(**other) && stage(**other) == stage(at)) == Some(&at)
}

fn shown(comparison: &Comparison, at: usize, name: &str) -> Shown {
    let column = &comparison.columns[at];
    let shown = |row: &Row| match &row.cells[at] {
        Cell::Absent => "".into(),
        Cell::Default => "default".into(),
        Cell::Text(text) => brief(text).into(),
        Cell::Figure { mean, sd, best, .. } => {
            let value = match column.what {
                What::Seconds => format::duration(*mean),
                _ => format::with_spread(*mean, *sd),
            };
            // The star marks the best without colours. A space in its place keeps digits below digits.
            match best {
                true => cell(Tone::Good, value + "*"),
                false => (value + " ").into(),
            }
        }
    };
    let is_figure = matches!(column.what, What::Number | What::Seconds);
    let name = if column.what == What::Seconds { "compute time".to_owned() } else { format::one_line(name) };
    Shown {
        heading: if is_figure { name + " " } else { name },
        cells: comparison.rows.iter().map(shown).collect(),
        right: is_figure || comparison.rows.iter().all(|row| row.cells[at].number().is_some()),
    }
}

/// A text on one line, shortened to 40 columns.
fn brief(text: &str) -> String {
    console::truncate_str(&format::one_line(text), 40, "…").into_owned()
}

impl Shown {
    fn width(&self) -> usize {
        width(self.cells.iter()).max(console::measure_text_width(&self.heading))
    }
}

fn notes(comparison: &Comparison, left_out: usize) -> String {
    let mut cells = comparison.rows.iter().flat_map(|row| &row.cells);
    let mut text = String::new();
    if cells.any(|cell| matches!(cell, Cell::Figure { best: true, .. })) {
        text += "\n* the best of its column\n";
    }
    if left_out > 0 {
        let columns = format::plural(left_out, "column");
        text += &format!("{columns} more: `--csv` has all, `--by stage.number` chooses\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::tell::history::Better,
        store::{RunRecord, SweepTrial},
        ui::paint::Paint,
    };

    fn column(name: &str, what: What, better: Option<Better>) -> Column {
        Column { name: name.to_owned(), what, better }
    }

    fn figure(mean: f64, sd: Option<f64>, best: bool) -> Cell {
        Cell::Figure { mean, sd, n: 1 + usize::from(sd.is_some()), best }
    }

    fn comparison() -> Comparison {
        let columns = vec![
            column("train.base.epochs", What::Parameter, None),
            column("evaluate.test.accuracy", What::Number, Some(Better::Higher)),
            column("split.d.test", What::Number, None),
            column("compute-seconds", What::Seconds, Some(Better::Lower)),
        ];
        let row = |id, state, epochs: Cell, accuracy, seconds| Row {
            run: RunRecord { id, pipeline: "full, \"big\"".to_owned(), ..RunRecord::default() },
            state,
            cells: vec![epochs, accuracy, figure(200.0, None, false), seconds],
        };
        let rows = vec![
            row(9, RunState::Done, Cell::Default, figure(0.5, Some(0.01), false), figure(90.0, None, false)),
            row(10, RunState::Failed, Cell::Text("12".to_owned()), figure(0.75, None, true), Cell::Absent),
        ];
        Comparison { columns, rows }
    }

    #[test]
    fn the_table_marks_the_best_and_leaves_out_equal_numbers() {
        let text = table_text(&comparison(), &[], &View { paint: Paint::OFF, width: None });
        let expected = "\
run  epochs   test.accuracy   compute time   outcome
  9  default  0.500 ± 0.010     1 min 30 s   done
 10  12                0.75*                 failed

* the best of its column
";
        assert_eq!(text, expected);
        let mut two = comparison();
        two.columns[2].name = "evaluate.test.brier".to_owned();
        two.rows[0].cells[2] = figure(0.25, None, true);
        let view = View { paint: Paint::OFF, width: None };
        let most = table_text(&two, &[], &view);
        assert!(!most.contains("brier") && most.contains("1 column more"), "{most}");
        assert!(table_text(&two, &["evaluate.test.brier".to_owned()], &view).contains("brier"));
    }

    #[test]
    fn a_requested_number_is_shown_even_if_it_is_the_same() {
        let asked = ["split.d.test".to_owned()];
        let text = table_text(&comparison(), &asked, &View { paint: Paint::OFF, width: None });
        assert!(text.lines().next().unwrap().contains("test") && text.contains("200"), "{text}");
    }

    #[test]
    fn a_table_that_is_wider_than_the_screen_continues_below() {
        let asked = ["evaluate.test.accuracy", "split.d.test"].map(str::to_owned);
        let text = table_text(&comparison(), &asked, &View { paint: Paint::OFF, width: Some(31) });
        let expected = "\
run  epochs   test.accuracy
  9  default  0.500 ± 0.010
 10  12                0.75*

run  d.test   compute time
  9     200     1 min 30 s
 10     200

run  outcome
  9  done
 10  failed

* the best of its column
";
        assert_eq!(text, expected);
    }

    #[test]
    fn trials_have_a_column_if_a_name_says_more_than_the_values() {
        let mut named = comparison();
        let trial = |name: &str| SweepTrial {
            trial: name.to_owned(),
            values: BTreeMap::from([("train.base.epochs".to_owned(), "12".to_owned())]),
            ..SweepTrial::default()
        };
        named.rows[1].run.sweep = Some(trial("epochs=12"));
        assert!(trials_column(&named).is_none());
        named.rows[0].run.sweep = Some(trial("long"));
        assert!(trials_column(&named).is_some());
    }

    #[test]
    fn csv_and_json_have_everything() {
        let text = csv(&comparison()).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(
            header[5..],
            [
                "train.base.epochs",
                "evaluate.test.accuracy",
                "evaluate.test.accuracy sd",
                "evaluate.test.accuracy n",
                "split.d.test",
                "compute-seconds"
            ]
        );
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!((&rows[0][2], &rows[0][5], &rows[0][7]), ("full, \"big\"", "default", "0.01"));
        let value: serde_json::Value = serde_json::from_str(&object(&comparison())).unwrap();
        assert_eq!(value["columns"][1]["better"], "higher");
        assert_eq!(value["runs"][1]["values"]["evaluate.test.accuracy"]["best"], true);
        assert_eq!(value["runs"][1]["values"]["compute-seconds"], serde_json::Value::Null);
    }
}
