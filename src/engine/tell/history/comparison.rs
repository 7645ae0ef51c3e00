//! Compares runs: a column for everything that differs, and one for each number.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::{Better, Facts, better, differences::is_of, facts::NONE};
use crate::{
    engine::tell::repeats::Spread,
    store::{Outcome, RunRecord, RunState},
};

/// Runs side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What they differ in, then their numbers.
    pub columns: Vec<Column>,
    /// The runs.
    pub rows: Vec<Row>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Column {
    /// Its whole name: `train.base.epochs`, `evaluate.test.accuracy`.
    pub name: String,
    /// What it is.
    pub what: What,
    /// Which of its values are better, if known.
    pub better: Option<Better>,
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A parameter of a stage.
    Parameter,
    /// A source file.
    Source,
    /// The commit of the project.
    Commit,
    /// An option of the command line about how to compute.
    Asked,
    /// A number of a stage.
    Number,
    /// How long all stages together took to compute, whenever that was.
    Seconds,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its record.
    pub run: RunRecord,
    /// Whether it has ended, and how.
    pub state: RunState,
    /// One cell for each column.
    pub cells: Vec<Cell>,
}

/// What a run has in a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing: the run has no such stage, or the stage has no such number.
    Absent,
    /// The parameter had its default, which is no longer known.
    #[serde(serialize_with = "as_default")]
    Default,
    /// A value.
    Text(String),
    /// A number; of several repeats, their mean with its spread.
    Figure {
        /// The value, or the mean.
        #[serde(rename = "value")]
        mean: f64,
        /// The sample standard deviation over repeats.
        sd: Option<f64>,
        /// Over how many repeats.
        n: usize,
        /// Whether it is the best one of its column.
        best: bool,
    },
}

fn as_default<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("default")
}

impl Cell {
    /// Its number; a text may be one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Figure { mean, .. } => Some(*mean),
            Self::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Absent | Self::Default => None,
        }
    }
}

/// Puts runs side by side.
#[must_use]
pub fn compare(runs: Vec<(RunRecord, RunState, Facts)>) -> Comparison {
    let columns = columns(&runs);
    let rows = runs.into_iter().map(|(run, state, facts)| {
        let cells = columns.iter().map(|column| cell(column, &run, &facts)).collect();
        Row { run, state, cells }
    });
    let mut comparison = Comparison { rows: rows.collect(), columns };
    comparison.mark_best();
    comparison
}

fn columns(runs: &[(RunRecord, RunState, Facts)]) -> Vec<Column> {
    let column = |what: What, name: String| Column { better: None, what, name };
    let parameters: BTreeSet<&String> = runs.iter().flat_map(|(.., facts)| facts.parameters.keys()).collect();
    let sources: BTreeSet<&String> = runs.iter().flat_map(|(.., facts)| facts.sources.keys()).collect();
    let mut columns: Vec<Column> = Vec::new();
    columns.extend(parameters.into_iter().map(|name| column(What::Parameter, name.clone())));
    columns.extend(sources.into_iter().map(|name| column(What::Source, name.clone())));
    columns.extend(["device", "threads", "jobs"].map(|name| column(What::Asked, name.to_owned())));
    columns.push(column(What::Commit, "commit".to_owned()));
    columns.retain(|column| differs(column, runs));
    for (stage, number) in runs.iter().flat_map(|(.., facts)| &facts.numbers) {
        let name = format!("{stage}.{}", number.name);
        // A stage may report a number with the name of a parameter, which is one column (`synthesize.s.patches`).
        if !columns.iter().any(|column| column.name == name) {
            columns.push(Column { better: better(&number.name), what: What::Number, name });
        }
    }
    let name = "compute-seconds".to_owned();
    columns.push(Column { better: better(&name), what: What::Seconds, name });
    columns
}

/// Whether two runs have different values. Values that a run does not know are no difference.
fn differs(column: &Column, runs: &[(RunRecord, RunState, Facts)]) -> bool {
    let cells = runs.iter().map(|(run, _, facts)| cell(column, run, facts));
    // Runs with complete facts have defaults written out, others leave them out.
    let some_complete = runs.iter().any(|(.., facts)| facts.complete);
    let mut known = cells.filter(|cell| match cell {
        Cell::Absent => column.what == What::Asked,
        Cell::Default => !some_complete,
        Cell::Text(_) | Cell::Figure { .. } => true,
    });
    known.next().is_some_and(|first| known.any(|cell| cell != first))
}

fn cell(column: &Column, run: &RunRecord, facts: &Facts) -> Cell {
    let text = |value: Option<String>| value.map_or(Cell::Absent, Cell::Text);
    match column.what {
        What::Parameter => match facts.parameters.get(&column.name) {
            Some(value) => Cell::Text(value.clone()),
            None if !facts.stages.iter().any(|stage| is_of(&column.name, stage)) => Cell::Absent,
            None if facts.complete => Cell::Text(NONE.to_owned()),
            None => Cell::Default,
        },
        What::Source => text(facts.sources.get(&column.name).cloned()),
        What::Asked => text(match column.name.as_str() {
            "device" => run.asked.device.clone(),
            "threads" => run.asked.threads.map(|threads| threads.to_string()),
            _ => run.asked.jobs.map(|jobs| jobs.to_string()),
        }),
        What::Commit => text(run.git.as_ref().map(commit)),
        What::Number => {
            let own = |stage: &str| column.name.strip_prefix(stage)?.strip_prefix('.');
            let number = facts.numbers.iter().find(|(stage, it)| own(stage) == Some(it.name.as_str()));
            number.map_or(Cell::Absent, |(_, number)| figure(number))
        }
        What::Seconds => seconds(run),
    }
}

/// The beginning of a commit, and whether files differed from it. A star would look like the mark of the best.
fn commit(git: &crate::store::Git) -> String {
    let short: String = git.commit.chars().take(10).collect();
    if git.dirty == Some(true) { short + "+dirty" } else { short }
}

fn figure(number: &Spread) -> Cell {
    let figure = |mean| Cell::Figure { mean, sd: number.sd, n: number.n, best: false };
    number.mean.map_or(Cell::Absent, figure)
}

/// How long the stages took, if all of them are there: a part of them would look fast.
fn seconds(run: &RunRecord) -> Cell {
    let whole = run.stages.iter().all(|it| matches!(it.outcome, Outcome::Cached | Outcome::Computed));
    if !whole || run.stages.is_empty() {
        return Cell::Absent;
    }
    let mean = run.stages.iter().filter_map(|stage| stage.seconds).sum();
    Cell::Figure { mean, sd: None, n: 1, best: false }
}

impl Comparison {
    /// Marks the best figure of each column, unless all are equal.
    fn mark_best(&mut self) {
        for (place, column) in self.columns.iter().enumerate() {
            let Some(better) = column.better else { continue };
            let values: Vec<f64> = self.rows.iter().filter_map(|row| row.cells[place].number()).collect();
            let best = values.iter().copied().reduce(|a, b| if better.is_better(b, a) { b } else { a });
            if values.iter().all(|value| Some(*value) == best) {
                continue;
            }
            for row in &mut self.rows {
                if let Cell::Figure { mean, best: is_best, .. } = &mut row.cells[place] {
                    *is_best = Some(*mean) == best;
                }
            }
        }
    }

    /// The column with this name, or the only one whose name ends with it.
    ///
    /// # Errors
    /// There is none, or there are several; says which there are.
    pub fn column(&self, word: &str) -> Result<usize, String> {
        let all: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        if let Some(at) = all.iter().position(|name| *name == word) {
            return Ok(at);
        }
        let ends = |at: &usize| all[*at].strip_suffix(word).is_some_and(|rest| rest.ends_with(['.', '/']));
        match (0..all.len()).filter(ends).collect::<Vec<_>>().as_slice() {
            [at] => Ok(*at),
            [] => Err(format!("there is no column `{word}`: there are {}", all.join(", "))),
            several => {
                let names: Vec<&str> = several.iter().map(|at| all[*at]).collect();
                Err(format!("`{word}` may be {}", names.join(", ")))
            }
        }
    }

    /// Sorts the runs by a column: the best first if that is known, otherwise numbers and then texts in ascending
    /// order. Runs without a value come last.
    pub fn sort(&mut self, place: usize) {
        let descending = self.columns[place].better == Some(Better::Higher);
        self.rows.sort_by(|one, two| {
            let (one, two) = (&one.cells[place], &two.cells[place]);
            match (one.number(), two.number()) {
                (Some(a), Some(b)) if descending => b.total_cmp(&a),
                (Some(a), Some(b)) => a.total_cmp(&b),
                (a, b) => (a.is_none(), rank(one)).cmp(&(b.is_none(), rank(two))),
            }
        });
    }

    /// Removes all columns of numbers except these.
    pub fn only_numbers(&mut self, places: &[usize]) {
        for at in (0..self.columns.len()).rev() {
            let is_number = matches!(self.columns[at].what, What::Number | What::Seconds);
            if is_number && !places.contains(&at) {
                self.columns.remove(at);
                self.rows.iter_mut().for_each(|row| drop(row.cells.remove(at)));
            }
        }
    }
}

fn rank(cell: &Cell) -> (u8, &str) {
    match cell {
        Cell::Figure { .. } => (0, ""),
        Cell::Text(text) => (1, text),
        Cell::Default => (2, ""),
        Cell::Absent => (3, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::facts::tests::{facts, record},
        *,
    };

    fn three() -> Comparison {
        let run = |id, set: &[&str], accuracies| {
            let record = record(id, set, accuracies);
            let facts = facts(&record);
            (record, RunState::Done, facts)
        };
        compare(vec![
            run(1, &["train.t.epochs=10"], [0.5, 0.7]),
            run(2, &["train.t.epochs=9", "train.t.batch-size=32"], [0.8, 0.9]),
            run(3, &[], [0.1, f64::NAN]),
        ])
    }

    fn names(comparison: &Comparison) -> Vec<&str> {
        comparison.columns.iter().map(|column| column.name.as_str()).collect()
    }

    fn ids(comparison: &Comparison) -> Vec<u64> {
        comparison.rows.iter().map(|row| row.run.id).collect()
    }

    #[test]
    fn only_what_differs_is_a_column_and_the_best_is_marked() {
        let comparison = three();
        let expected = ["train.t.batch-size", "train.t.epochs", "train.t.accuracy", "compute-seconds"];
        assert_eq!(names(&comparison), expected);
        assert_eq!(comparison.rows[0].cells[0], Cell::Text("64".to_owned()));
        assert_eq!(comparison.rows[1].cells[1], Cell::Text("9".to_owned()));
        let best: Vec<bool> = comparison
            .rows
            .iter()
            .map(|row| matches!(row.cells[2], Cell::Figure { best: true, .. }))
            .collect();
        assert_eq!(best, [false, true, false]);
        // 0.8 and 0.9: mean 0.85, sample standard deviation 0.1 / sqrt(2).
        let Cell::Figure { mean, sd: Some(sd), n: 2, .. } = comparison.rows[1].cells[2] else { panic!() };
        assert!((mean - 0.85).abs() < 1e-12 && (sd - 0.070_710_678_118_654_7).abs() < 1e-12);
        assert!(matches!(comparison.rows[2].cells[2], Cell::Figure { n: 1, sd: None, .. }));
        let equal = |cell: &Cell| matches!(cell, Cell::Figure { mean, best: false, .. } if *mean == 8.0);
        assert!(comparison.rows.iter().all(|row| equal(&row.cells[3])), "of equal ones none is best");
    }

    #[test]
    fn a_parameter_that_differs_hides_a_number_with_the_same_name() {
        let run = |id, patches: &str, told| {
            let mut record = record(id, &[&format!("synthesize.s.patches={patches}")], [0.5, 0.5]);
            record.stages[0].numbers = vec![crate::store::Number { name: "patches".to_owned(), value: told }];
            let facts = facts(&record);
            (record, RunState::Done, facts)
        };
        let comparison = compare(vec![run(1, "12", 12.0), run(2, "24", 24.0)]);
        let patches = names(&comparison).into_iter().filter(|name| name.contains("patches"));
        assert_eq!(patches.collect::<Vec<_>>(), ["synthesize.s.patches"]);
        assert_eq!(comparison.columns[0].what, What::Parameter);
    }

    #[test]
    fn columns_are_found_by_their_ends_and_sorted_as_numbers_best_first() {
        let mut comparison = three();
        let epochs = comparison.column("epochs").unwrap();
        comparison.sort(epochs);
        assert_eq!(ids(&comparison), [3, 2, 1], "3 < 9 < 10");
        let accuracy = comparison.column("t.accuracy").unwrap();
        comparison.sort(accuracy);
        assert_eq!(ids(&comparison), [2, 1, 3]);
        comparison.sort(comparison.column("batch-size").unwrap());
        assert_eq!(ids(&comparison)[0], 2);
        assert!(comparison.column("pochs").unwrap_err().contains("there are train.t.batch-size"));
        comparison.only_numbers(&[accuracy]);
        assert_eq!(names(&comparison), ["train.t.batch-size", "train.t.epochs", "train.t.accuracy"]);
        assert!(comparison.rows.iter().all(|row| row.cells.len() == 3));
    }
}
