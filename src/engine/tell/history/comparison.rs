//! Runs compared: a column for everything that differs, and one for each number.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Better, Facts, better, differences::is_of, facts::NONE};
use crate::{
    engine::tell::repeats::Spread,
    store::{Outcome, RunRecord, RunState},
};

/// Runs side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// In what they differ, then what came of them.
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
    /// Which of its values are better.
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
    /// What the command line said about how to compute.
    Asked,
    /// A number of a stage.
    Number,
    /// What all stages together took to compute, whenever that was.
    Seconds,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its record.
    pub run: RunRecord,
    /// How it stands.
    pub state: RunState,
    /// One cell a column.
    pub cells: Vec<Cell>,
}

/// What a run has in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing: the run has no such stage, or that has no such number.
    Absent,
    /// The parameter had its default, which is not known any more.
    Default,
    /// A value.
    Text(String),
    /// A number; of several repeats, their mean with its spread.
    Figure {
        /// The value, or the mean.
        mean: f64,
        /// The sample standard deviation over repeats.
        sd: Option<f64>,
        /// Over how many repeats.
        n: usize,
        /// Whether it is the best one of its column.
        best: bool,
    },
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => serializer.serialize_none(),
            Self::Default => serializer.serialize_str("default"),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Figure { mean, sd, n, best } => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("value", mean)?;
                map.serialize_entry("sd", sd)?;
                map.serialize_entry("n", n)?;
                map.serialize_entry("best", best)?;
                map.end()
            }
        }
    }
}

impl Cell {
    /// Its number: of a figure, or of a text that is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Figure { mean, .. } => Some(*mean),
            Self::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Absent | Self::Default => None,
        }
    }
}

/// Before the name of what was set, where a number that differs from it has the same name.
const SET: &str = "set:";

/// Puts runs side by side.
#[must_use]
pub fn compare(runs: Vec<(RunRecord, RunState, Facts)>) -> Comparison {
    let columns = columns(&runs);
    let cells = |run: &RunRecord, facts: &Facts| columns.iter().map(|it| cell(it, run, facts)).collect();
    let rows = runs.iter().map(|(run, state, facts)| {
        let cells: Vec<Cell> = cells(run, facts);
        Row { run: run.clone(), state: *state, cells }
    });
    let mut comparison = Comparison { rows: rows.collect(), columns };
    comparison.tell_apart();
    comparison.mark_best();
    comparison
}

fn columns(runs: &[(RunRecord, RunState, Facts)]) -> Vec<Column> {
    let column = |what: What, name: String| Column { better: None, what, name };
    let parameters = keys(runs, |facts| facts.parameters.keys().cloned().collect());
    let sources = keys(runs, |facts| facts.sources.keys().cloned().collect());
    let mut columns: Vec<Column> = parameters.into_iter().map(|name| column(What::Parameter, name)).collect();
    columns.extend(sources.into_iter().map(|name| column(What::Source, name)));
    columns.extend(["device", "threads", "jobs"].map(|name| column(What::Asked, name.to_owned())));
    columns.push(column(What::Commit, "commit".to_owned()));
    columns.retain(|column| differs(column, runs));
    for (stage, number) in runs.iter().flat_map(|(.., facts)| &facts.numbers) {
        let name = format!("{stage}.{}", number.name);
        if !columns.iter().any(|column| column.what == What::Number && column.name == name) {
            columns.push(Column { better: better(&number.name), what: What::Number, name });
        }
    }
    let name = "compute-seconds".to_owned();
    columns.push(Column { better: better(&name), what: What::Seconds, name });
    columns
}

fn keys(runs: &[(RunRecord, RunState, Facts)], of: impl Fn(&Facts) -> BTreeSet<String>) -> BTreeSet<String> {
    runs.iter().flat_map(|(.., facts)| of(facts)).collect()
}

/// Whether two runs have different values there. Stages and digests that one does not know are no difference.
fn differs(column: &Column, runs: &[(RunRecord, RunState, Facts)]) -> bool {
    let mut cells = runs.iter().map(|(run, _, facts)| cell(column, run, facts));
    // What some leave out because it is at its default, others write out.
    let some_complete = runs.iter().any(|(.., facts)| facts.complete);
    let mut known = cells.by_ref().filter(|cell| match cell {
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

/// The beginning of a commit, with a star where files differed from it.
fn commit(git: &crate::store::Git) -> String {
    let short: String = git.commit.chars().take(10).collect();
    if git.dirty == Some(true) { short + "*" } else { short }
}

fn figure(number: &Spread) -> Cell {
    let figure = |mean| Cell::Figure { mean, sd: number.sd, n: number.n, best: false };
    number.mean.map_or(Cell::Absent, figure)
}

/// What the stages took, where all of them are there: a part of them would look fast.
fn seconds(run: &RunRecord) -> Cell {
    let whole = run.stages.iter().all(|it| matches!(it.outcome, Outcome::Cached | Outcome::Computed));
    if !whole || run.stages.is_empty() {
        return Cell::Absent;
    }
    let mean = run.stages.iter().filter_map(|stage| stage.seconds).sum();
    Cell::Figure { mean, sd: None, n: 1, best: false }
}

impl Comparison {
    /// Gives every column a name of its own: a stage may tell a number under the name of what was set
    /// (`synthesize.s.patches`). Where both are the same in all runs, one is enough.
    fn tell_apart(&mut self) {
        let numbers = (0..self.columns.len()).filter(|at| self.columns[*at].what == What::Number);
        let twins: Vec<(usize, usize)> = numbers
            .filter_map(|number| {
                let name = &self.columns[number].name;
                let other = self.columns.iter().position(|column| column.name == *name)?;
                (other < number).then_some((other, number))
            })
            .collect();
        let mut needless = BTreeSet::new();
        for (set, number) in twins {
            let same = |row: &Row| row.cells[set].number() == row.cells[number].number();
            if self.rows.iter().all(same) {
                needless.insert(number);
            } else {
                self.columns[set].name.insert_str(0, SET);
            }
        }
        self.keep(|at, _| !needless.contains(&at));
    }

    /// Marks the best figure of each column where some are better than others.
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

    /// The column that a word means: its whole name, or an end of it that no other has.
    ///
    /// # Errors
    /// Where none or several are meant; says what there is.
    pub fn column(&self, word: &str) -> Result<usize, String> {
        let is = |at: &usize| self.columns[*at].name == word;
        let ends = |at: &usize| {
            self.columns[*at].name.strip_suffix(word).is_some_and(|rest| rest.ends_with(['.', '/']))
        };
        let all = || 0..self.columns.len();
        if let Some(at) = all().find(is) {
            return Ok(at);
        }
        let names = |places: &[usize]| {
            places.iter().map(|at| self.columns[*at].name.as_str()).collect::<Vec<_>>().join(", ")
        };
        match all().filter(ends).collect::<Vec<_>>().as_slice() {
            [at] => Ok(*at),
            [] => {
                Err(format!("there is no column `{word}`: there are {}", names(&all().collect::<Vec<_>>())))
            }
            several => Err(format!("`{word}` may be {}", names(several))),
        }
    }

    /// Sorts the runs by a column: the best first, where some are better; else numbers and then texts from
    /// the smallest. What has nothing there comes last.
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

    /// Leaves out columns of numbers but these.
    pub fn only_numbers(&mut self, places: &[usize]) {
        self.keep(|at, column| !matches!(column.what, What::Number | What::Seconds) || places.contains(&at));
    }

    /// Leaves out columns but those.
    fn keep(&mut self, stays: impl Fn(usize, &Column) -> bool) {
        let keep: Vec<bool> = self.columns.iter().enumerate().map(|(at, column)| stays(at, column)).collect();
        let mut flags = keep.iter();
        self.columns.retain(|_| flags.next().copied().unwrap_or(true));
        for row in &mut self.rows {
            let mut flags = keep.iter();
            row.cells.retain(|_| flags.next().copied().unwrap_or(true));
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
    fn what_was_set_and_a_number_of_the_same_name_are_told_apart() {
        let run = |id, patches: &str, told| {
            let mut record = record(id, &[&format!("synthesize.s.patches={patches}")], [0.5, 0.5]);
            record.stages[0].numbers = vec![crate::store::Number { name: "patches".to_owned(), value: told }];
            let facts = facts(&record);
            (record, RunState::Done, facts)
        };
        let same = compare(vec![run(1, "12", 12.0), run(2, "24", 24.0)]);
        let patches = |comparison: &Comparison| {
            let names = names(comparison).into_iter().filter(|name| name.contains("patches"));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(patches(&same), ["synthesize.s.patches"]);
        assert_eq!(same.column("patches"), Ok(0));
        let apart = compare(vec![run(1, "12", 12.0), run(2, "24", 23.0)]);
        assert_eq!(patches(&apart), ["set:synthesize.s.patches", "synthesize.s.patches"]);
        let number = apart.column("synthesize.s.patches").unwrap();
        assert_eq!(apart.columns[number].what, What::Number);
        assert!(apart.rows.iter().all(|row| row.cells.len() == apart.columns.len()));
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
