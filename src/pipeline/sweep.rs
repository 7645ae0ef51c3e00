//! What a sweep tries, as plain data, and its checks.
//!
//! A trial is the pipeline with more `--set`s, so values are TOML texts. The table `[sweep]` and the command line make
//! the same `SweepSpec`. Trials are made and run elsewhere.

use std::path::PathBuf;

use serde::Deserialize;

/// The values to try, and how they make trials.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSpec {
    /// How the values make trials.
    pub trials: Trials,
    /// The values that vary, in the order of the file; empty for a table of trials.
    pub axes: Vec<Axis>,
    /// Its place: `pipelines/full.toml:23`.
    pub place: String,
}

/// How the values of the axes make trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trials {
    /// Every combination; the last axis varies first.
    Product,
    /// The first of each list, then the second of each, and so on.
    Zip,
    /// Drawn independently and uniformly from every axis.
    Random {
        /// How many.
        count: u32,
        /// Seeds the draws.
        seed: u64,
    },
    /// One trial per row of a CSV file with the keys in its header.
    Rows {
        /// The file. In a pipeline, its path is relative to the file that contains it.
        file: PathBuf,
    },
}

/// One value that varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The key, as in `--set`: `train.base.optimizer.adam.learning-rate`, `params.epochs`.
    pub key: String,
    /// Its values.
    pub values: Values,
    /// Their place: `pipelines/full.toml:23`.
    pub place: String,
}

/// The values of an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// A list of TOML texts: `1e-3`, `"split.pcam"`, `[8, 16]`.
    List(Vec<String>),
    /// Numbers to draw from.
    Range(Range),
}

/// Numbers to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The smallest.
    pub from: f64,
    /// The largest, inclusive for whole numbers.
    pub to: f64,
    /// Whether their logarithms are drawn uniformly.
    #[serde(default)]
    pub log: bool,
    /// Whether only whole numbers are drawn, because both ends are written as whole numbers.
    #[serde(skip)]
    pub whole: bool,
}

/// A problem of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The index of its axis.
    pub axis: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// Advice.
    pub help: &'static str,
}

impl SweepSpec {
    /// All problems, except that the pipeline may lack the keys.
    #[must_use]
    pub fn check(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if self.axes.is_empty() && !matches!(self.trials, Trials::Rows { .. }) {
            let help = "name values under [sweep.set], as in train.base.epochs = [4, 8]";
            wrong.push(Wrong { axis: None, message: "there is nothing to vary".to_owned(), help });
        }
        if matches!(self.trials, Trials::Random { count: 0, .. }) {
            let message = "`random` draws at least 1 trial".to_owned();
            wrong.push(Wrong { axis: None, message, help: "write how many" });
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
        let of = |message, help| Some(Wrong { axis: Some(index), message, help });
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
        Some(Wrong { axis: Some(index), message, help: "give all lists the same length, or leave `zip` out" })
    }
}

impl Range {
    fn wrong(&self) -> Option<String> {
        let Self { from, to, log, .. } = self;
        if !(from.is_finite() && to.is_finite() && from < to) {
            return Some(format!("a range goes from a number to a larger one, not from {from} to {to}"));
        }
        (*log && *from <= 0.0)
            .then(|| format!("a logarithmic range must be above 0, and this one begins at {from}"))
    }
}
