//! What a sweep tries, as plain data, and what can be wrong with it.
//!
//! Each trial is the pipeline with more `--set`s, so a value is kept as the TOML text that stands in the
//! file. The table `[sweep]` and the command line make the same `SweepSpec`, and check it the same way. Which
//! trials come of it, and running them, is not known here.

use std::path::PathBuf;

/// What is to be tried.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSpec {
    /// How the values make trials.
    pub trials: Trials,
    /// The values that vary, in the order of the file; none where a table of trials says all.
    pub axes: Vec<Axis>,
    /// Where it is written: `pipelines/full.toml:23`.
    pub place: String,
}

/// How the values of the axes make trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trials {
    /// Every combination; the last axis varies first.
    Product,
    /// The first of each list, then the second of each, and so on.
    Zip,
    /// Drawn from every axis, independently and uniformly.
    Random {
        /// How many.
        count: u32,
        /// Decides what is drawn.
        seed: u64,
    },
    /// One trial a row of a CSV file, whose header holds the keys.
    Rows {
        /// The file; that of a pipeline is relative to the file in which it is named.
        file: PathBuf,
    },
}

/// One value that varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is set, as `--set` writes it: `train.base.optimizer.adam.learning-rate`, `params.epochs`.
    pub key: String,
    /// What it is set to.
    pub values: Values,
    /// Where it is written: `pipelines/full.toml:23`.
    pub place: String,
}

/// What an axis can be set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// One of these, each as TOML text: `1e-3`, `"split.pcam"`, `[8, 16]`.
    List(Vec<String>),
    /// A number that is drawn.
    Range(Range),
}

/// Numbers to draw from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub from: f64,
    /// The largest; whole numbers reach it.
    pub to: f64,
    /// Whether their logarithm is drawn uniformly, instead of they themselves.
    pub log: bool,
    /// Whether only whole numbers are drawn: both ends are written as such.
    pub whole: bool,
}

/// What is wrong with a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The axis that it is about, by its place among them.
    pub axis: Option<usize>,
    /// What it is.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl SweepSpec {
    /// Everything that is wrong with it by itself; whether the pipeline has its keys is another question.
    #[must_use]
    pub fn check(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if self.axes.is_empty() && !matches!(self.trials, Trials::Rows { .. }) {
            let help = "name values under [sweep.set], as in train.base.epochs = [4, 8]";
            wrong.push(Wrong::new(None, "there is nothing to vary".to_owned(), help));
        }
        if matches!(self.trials, Trials::Random { count: 0, .. }) {
            wrong.push(Wrong::new(None, "`random` draws at least 1 trial".to_owned(), "write how many"));
        }
        for (index, axis) in self.axes.iter().enumerate() {
            wrong.extend(self.wrong_values(index, axis));
        }
        if wrong.is_empty() && self.trials == Trials::Zip {
            wrong.extend(self.unpaired());
        }
        wrong
    }

    fn wrong_values(&self, index: usize, axis: &Axis) -> Option<Wrong> {
        let Axis { key, values, .. } = axis;
        let of = |message, help| Some(Wrong::new(Some(index), message, help));
        match (values, &self.trials) {
            (Values::List(values), _) if values.is_empty() => {
                of(format!("`{key}` has no value to try"), "list at least one")
            }
            (Values::List(_), _) => None,
            (Values::Range(range), Trials::Random { .. }) => {
                of(range.wrong()?, "a range is written { from = 1e-5, to = 1e-2, log = true }")
            }
            (Values::Range(_), _) => of(
                format!("`{key}` is a range, which has no list of values"),
                "draw from it, with `random = 20`, or list its values",
            ),
        }
    }

    /// Two lists that cannot be paired.
    fn unpaired(&self) -> Option<Wrong> {
        let lengths = self.axes.iter().map(|axis| match &axis.values {
            Values::List(values) => values.len(),
            Values::Range(_) => 0,
        });
        let lengths: Vec<usize> = lengths.collect();
        let first = lengths.first()?;
        let (index, other) = lengths.iter().enumerate().find(|(_, length)| *length != first)?;
        let [one, two] = [0, index].map(|index| &self.axes[index].key);
        let message = format!("`zip` pairs values, but `{one}` has {first} and `{two}` {other}");
        Some(Wrong::new(Some(index), message, "give all lists one length, or leave `zip` out"))
    }
}

impl Wrong {
    fn new(axis: Option<usize>, message: String, help: &str) -> Self {
        Self { axis, message, help: help.to_owned() }
    }
}

impl Range {
    fn wrong(&self) -> Option<String> {
        let Self { from, to, log, .. } = self;
        if !(from.is_finite() && to.is_finite() && from < to) {
            return Some(format!("a range goes from a number to a larger one, not from {from} to {to}"));
        }
        (*log && *from <= 0.0)
            .then(|| format!("a logarithm needs a range above 0, and this begins at {from}"))
    }
}
