//! Runs side by side: as a table for people, as CSV and as JSON for programs.
//!
//! Knows what a comparison holds; computes nothing.

use std::collections::BTreeMap;

use console::measure_text_width;
use serde::Serialize;

use super::{
    View, format, json,
    paint::Tone,
    runs,
    table::{GAP, Table, cell},
    view_of_stdout,
};
use crate::{
    engine::tell::history::{Cell, Column, Comparison, Row, What, shortened},
    store::{RunState, SweepTrial},
};

/// A comparison as a table. Columns whose names were `asked` for are there in any case. Of other numbers those are
/// left out that are the same in all runs, those for which there is no room, and all but the most telling one of
/// each stage.
#[must_use]
pub fn table(comparison: &Comparison, asked: &[String]) -> String {
    table_text(comparison, asked, &view_of_stdout())
}

/// A comparison as CSV: every column, numbers in full, the spread and the count of repeats beside their mean.
///
/// # Errors
/// None that a person can cause.
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
    let (_, state) = runs::outcome(row.state);
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

/// One column of the table for people.
#[derive(Clone)]
struct Shown {
    heading: String,
    /// Texts with whether they are best.
    cells: Vec<(String, bool)>,
    right: bool,
    /// Whether it is there however little room there is.
    asked: bool,
}

fn table_text(comparison: &Comparison, asked: &[String], view: &View) -> String {
    let mut columns = vec![runs_column(comparison)];
    columns.extend(trials_column(comparison));
    let asked = |at: usize| asked.contains(&comparison.columns[at].name);
    let all = 0..comparison.columns.len();
    let differ: Vec<usize> = all.filter(|at| asked(*at) || differs(comparison, *at)).collect();
    let told: Vec<usize> =
        differ.iter().copied().filter(|at| asked(*at) || tells_most(comparison, &differ, *at)).collect();
    let names: Vec<&str> = told.iter().map(|at| comparison.columns[*at].name.as_str()).collect();
    let of = |(at, name): (&usize, String)| Shown { asked: asked(*at), ..shown(comparison, *at, &name) };
    columns.extend(told.iter().zip(shortened(&names)).map(of));
    columns.extend(states_column(comparison));
    if let (Some(width), Some(first)) = (view.width, columns.first().map(Shown::width)) {
        let room = width.saturating_sub(first + GAP.len());
        columns.iter_mut().for_each(|column| column.narrow(room));
    }
    let left_out = differ.len() - told.len() + fit(&mut columns, view.width);
    let blocks = folded(columns, view.width);
    let text = blocks.iter().map(|columns| block(comparison, columns, view)).collect::<Vec<_>>().join("\n");
    text + &notes(comparison, left_out)
}

/// The columns in tables one below the other, none wider than the screen, each led by the first column.
fn folded(columns: Vec<Shown>, width: Option<usize>) -> Vec<Vec<Shown>> {
    let mut columns = columns.into_iter();
    let Some(first) = columns.next() else { return Vec::new() };
    let mut blocks = vec![vec![first.clone()]];
    for column in columns {
        let last = blocks.last_mut().expect("there is one from the start");
        let fits = width.is_none_or(|width| total(last) + GAP.len() + column.width() <= width);
        if fits || last.len() == 1 {
            last.push(column);
        } else {
            blocks.push(vec![first.clone(), column]);
        }
    }
    blocks
}

/// Some columns, for all runs.
fn block(comparison: &Comparison, columns: &[Shown], view: &View) -> String {
    let letters: String = columns.iter().map(|column| if column.right { 'r' } else { 'l' }).collect();
    let mut table = Table::headed(&letters, columns.iter().map(|column| column.heading.as_str()));
    for place in 0..comparison.rows.len() {
        let tone = |best: bool| if best { Tone::Good } else { Tone::Normal };
        table.row(
            columns.iter().map(|Shown { cells, .. }| cell(tone(cells[place].1), cells[place].0.as_str())),
        );
    }
    table.text(view)
}

fn runs_column(comparison: &Comparison) -> Shown {
    let cells = comparison.rows.iter().map(|row| (row.run.id.to_string(), false)).collect();
    Shown { heading: "run".to_owned(), cells, right: true, asked: true }
}

/// The trials, where their names say more than their values, which have columns of their own.
fn trials_column(comparison: &Comparison) -> Option<Shown> {
    let trial = |row: &Row| {
        row.run.sweep.as_ref().map(|it| runs::brief(&format::one_line(&it.trial))).unwrap_or_default()
    };
    let any = comparison.rows.iter().filter_map(|row| row.run.sweep.as_ref()).any(has_name);
    let cells: Vec<(String, bool)> = comparison.rows.iter().map(|row| (trial(row), false)).collect();
    any.then(|| Shown { heading: "trial".to_owned(), cells, right: false, asked: false })
}

/// Whether a trial has a name of its own, and not just its values: `epochs=8,batch-size=64`.
fn has_name(trial: &SweepTrial) -> bool {
    let Some((first, _)) = trial.trial.split_once('=') else { return true };
    let is =
        |key: &String| key.strip_suffix(first).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !trial.values.keys().any(is)
}

/// How the runs ended, where not all ended well.
fn states_column(comparison: &Comparison) -> Option<Shown> {
    let cells = comparison.rows.iter().map(|row| (runs::outcome(row.state).1.to_owned(), false)).collect();
    let any = comparison.rows.iter().any(|row| row.state != RunState::Done);
    any.then(|| Shown { heading: "outcome".to_owned(), cells, right: false, asked: false })
}

/// Numbers that are the same everywhere tell nothing of a difference.
fn differs(comparison: &Comparison, at: usize) -> bool {
    let column = &comparison.columns[at];
    let mut values = comparison.rows.iter().map(|row| row.cells[at].number());
    let first = values.next();
    column.what != What::Number || comparison.rows.len() < 2 || values.any(|value| Some(value) != first)
}

/// Whether it is the first number of its stage that differs, or no number of a stage at all.
fn tells_most(comparison: &Comparison, differ: &[usize], at: usize) -> bool {
    let columns = &comparison.columns;
    let stage = |at: usize| columns[at].name.splitn(3, '.').take(2).collect::<Vec<_>>();
    let is_number = |at: usize| columns[at].what == What::Number;
    !is_number(at)
        || differ.iter().find(|other| is_number(**other) && stage(**other) == stage(at)) == Some(&at)
}

fn shown(comparison: &Comparison, at: usize, heading: &str) -> Shown {
    let column = &comparison.columns[at];
    let cell = |row: &Row| match &row.cells[at] {
        Cell::Absent => (String::new(), false),
        Cell::Default => ("default".to_owned(), false),
        Cell::Text(text) => (runs::brief(&format::one_line(text)), false),
        Cell::Figure { mean, sd, best, .. } => {
            let value = match column.what {
                What::Seconds => format::duration(*mean),
                _ => runs::with_spread(*mean, *sd),
            };
            // The star stands also where there are no colours, and digits stay below digits.
            (format!("{value}{}", if *best { "*" } else { " " }), *best)
        }
    };
    let heading = match column.what {
        What::Seconds => "compute time".to_owned(),
        _ => format::one_line(heading),
    };
    let figures = matches!(column.what, What::Number | What::Seconds);
    let cells: Vec<(String, bool)> = comparison.rows.iter().map(cell).collect();
    let right = figures || comparison.rows.iter().all(|row| row.cells[at].number().is_some());
    Shown { heading: if figures { heading + " " } else { heading }, cells, right, asked: false }
}

impl Shown {
    fn width(&self) -> usize {
        let texts = self.cells.iter().map(|(text, _)| text).chain([&self.heading]);
        texts.map(|text| measure_text_width(text)).max().unwrap_or(0)
    }

    /// A heading that is wider than the screen by itself keeps its end, which tells more than its beginning.
    fn narrow(&mut self, room: usize) {
        let length = self.heading.chars().count();
        if measure_text_width(&self.heading) > room {
            let end: String =
                self.heading.chars().skip(length.saturating_sub(room.saturating_sub(1))).collect();
            self.heading = format!("…{end}");
        }
    }
}

/// Leaves out columns from the right until the rest fits, but for the first two and those that were asked for; how
/// many.
fn fit(columns: &mut Vec<Shown>, width: Option<usize>) -> usize {
    let Some(width) = width else { return 0 };
    let before = columns.len();
    while total(columns) > width
        && let Some(last) = columns.iter().skip(2).rposition(|column| !column.asked)
    {
        columns.remove(last + 2);
    }
    before - columns.len()
}

/// How wide a table of some columns is.
fn total(columns: &[Shown]) -> usize {
    columns.iter().map(Shown::width).sum::<usize>() + GAP.len() * columns.len().saturating_sub(1)
}

fn notes(comparison: &Comparison, left_out: usize) -> String {
    let any_best = comparison.rows.iter().flat_map(|row| &row.cells);
    let any_best = any_best.into_iter().any(|cell| matches!(cell, Cell::Figure { best: true, .. }));
    let mut text = String::new();
    if any_best {
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
    use crate::{engine::tell::history::Better, store::RunRecord, ui::paint::Paint};

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
    fn the_table_marks_the_best_and_leaves_out_what_is_the_same() {
        let text = table_text(&comparison(), &[], &View { paint: Paint::OFF, width: None });
        let expected = "\
run  epochs        accuracy   compute time   outcome
  9  default  0.500 ± 0.010     1 min 30 s   done
 10  12                0.75*                 failed

* the best of its column
";
        assert_eq!(text, expected);
        let narrow = table_text(&comparison(), &[], &View { paint: Paint::OFF, width: Some(20) });
        assert!(narrow.contains("3 columns more"), "{narrow}");
        let mut two = comparison();
        two.columns[2].name = "evaluate.test.brier".to_owned();
        two.rows[0].cells[2] = figure(0.25, None, true);
        let view = View { paint: Paint::OFF, width: None };
        let most = table_text(&two, &[], &view);
        assert!(!most.contains("brier") && most.contains("1 column more"), "{most}");
        assert!(table_text(&two, &["evaluate.test.brier".to_owned()], &view).contains("brier"));
    }

    #[test]
    fn what_was_asked_for_is_shown_also_where_it_is_the_same_and_the_room_is_small() {
        let asked = ["split.d.test".to_owned()];
        for width in [None, Some(10)] {
            let text = table_text(&comparison(), &asked, &View { paint: Paint::OFF, width });
            assert!(text.lines().next().unwrap().contains("ochs") && text.contains("200"), "{text}");
            assert!(
                width.is_none_or(|width| text.lines().take(7).all(|line| measure_text_width(line) <= width)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_heading_that_is_too_wide_by_itself_is_cut_and_what_stands_below_it_is_not() {
        let mut long = comparison();
        long.columns[0].name = "train.a-name-that-goes-on-and-on.epochs".to_owned();
        long.columns.insert(1, column("train.b.epochs", What::Parameter, None));
        long.rows.iter_mut().for_each(|row| row.cells.insert(1, Cell::Default));
        let text = table_text(&long, &[], &View { paint: Paint::OFF, width: Some(20) });
        assert!(text.starts_with("run  …-and-on.epochs\n"), "{text}");
        assert!(text.contains("\n  9  default\n 10  12\n"), "{text}");
    }

    #[test]
    fn what_is_wider_than_the_screen_goes_on_below() {
        let asked = ["evaluate.test.accuracy", "split.d.test"].map(str::to_owned);
        let text = table_text(&comparison(), &asked, &View { paint: Paint::OFF, width: Some(31) });
        let expected = "\
run  epochs        accuracy
  9  default  0.500 ± 0.010
 10  12                0.75*

run  test
  9   200
 10   200

* the best of its column
2 columns more: `--csv` has all, `--by stage.number` chooses
";
        assert_eq!(text, expected);
    }

    #[test]
    fn trials_have_a_column_where_their_names_say_more_than_their_values() {
        let mut named = comparison();
        let trial = |name: &str| SweepTrial {
            trial: name.to_owned(),
            values: BTreeMap::from([("train.base.epochs".to_owned(), "12".to_owned())]),
            ..SweepTrial::default()
        };
        named.rows[1].run.sweep = Some(trial("epochs=12"));
        assert!(trials_column(&named).is_none());
        named.rows[0].run.sweep = Some(trial("long"));
        assert_eq!(trials_column(&named).unwrap().cells[0].0, "long");
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
