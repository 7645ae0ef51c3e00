//! Checks ranges and combinations of a stage's values, with the place of each mistake.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Problem;

/// Collects the problems of the values of one table.
pub struct Check<'a> {
    table: &'a Spanned<DeTable<'a>>,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    /// A check of one table.
    #[must_use]
    pub fn new(table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { table, problems: Vec::new() }
    }

    /// Adds a problem at `path` (`optimizer.adam.learning-rate`) unless `holds`.
    pub fn require(&mut self, holds: bool, path: &str, message: impl Into<String>) {
        if !holds {
            self.problems.push(Problem::at(span_of(self.table, path), message));
        }
    }

    /// Like [`Check::require`], but makes the message only if it is needed.
    pub fn require_else(&mut self, holds: bool, path: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.require(false, path, message());
        }
    }

    /// Requires a whole number of at least `least`.
    pub fn at_least(&mut self, path: &str, value: impl Into<u64>, least: u64) {
        let holds = value.into() >= least;
        self.require_else(holds, path, || format!("`{}` must be at least {least}", last(path)));
    }

    /// Requires a finite number in a closed range.
    pub fn within(&mut self, path: &str, value: f64, least: f64, most: f64) {
        let holds = value.is_finite() && (least..=most).contains(&value);
        self.require_else(holds, path, || format!("`{}` must lie between {least} and {most}", last(path)));
    }

    /// Requires a number of at least 0 and below 1.
    pub fn below_one(&mut self, path: &str, value: f64) {
        let holds = (0.0..1.0).contains(&value);
        self.require_else(holds, path, || format!("`{}` must be at least 0 and below 1", last(path)));
    }

    /// Requires a finite number above zero.
    pub fn positive(&mut self, path: &str, value: f64) {
        let holds = value.is_finite() && value > 0.0;
        self.require_else(holds, path, || format!("`{}` must be a number above 0", last(path)));
    }

    /// Limits the resamples of a bootstrap, which are held in memory.
    pub fn resamples(&mut self, value: u32) {
        self.within("resamples", value.into(), 0.0, 100_000.0);
    }

    /// The problems.
    #[must_use]
    pub fn finish(self) -> Vec<Problem> {
        self.problems
    }
}

/// The place of the deepest part of `path` that the table contains, else of the table itself.
#[must_use]
pub fn span_of(table: &Spanned<DeTable<'_>>, path: &str) -> Range<usize> {
    let mut span = table.span();
    let mut current = table.get_ref();
    for part in path.split('.') {
        let Some(value) = current.get(part) else { break };
        span = value.span();
        match value.get_ref() {
            DeValue::Table(inner) => current = inner,
            _ => break,
        }
    }
    span
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
