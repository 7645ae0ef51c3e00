//! Runs side by side, as plain data, and which of them is the best.

/// Runs side by side.
#[derive(Debug)]
pub struct Trials {
    /// What they are: `sweep 3f2a of full`.
    pub title: String,
    /// The version of pcamflow.
    pub version: String,
    /// What they differ in, then their numbers.
    pub columns: Vec<Column>,
    /// The runs.
    pub trials: Vec<Trial>,
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Whether high values are better; `None` if that is not known.
    pub high_is_better: Option<bool>,
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something in which the runs differ.
    Value,
    /// A number of validation patches: runs may be chosen by it.
    Validation,
    /// A number of other patches, such as test patches: choosing by it would make it worthless.
    Test,
    /// Another number.
    Other,
}

/// One run.
#[derive(Debug)]
pub struct Trial {
    /// Its name.
    pub name: String,
    /// One for each column.
    pub cells: Vec<Cell>,
}

/// What a run has in a column.
#[derive(Debug)]
pub struct Cell {
    /// In words.
    pub text: String,
    /// As a number, if it is one.
    pub number: Option<f64>,
}

/// The column by which runs are chosen: the first validation number whose better direction is known.
pub(super) fn criterion(trials: &Trials) -> Option<(usize, bool)> {
    let columns = trials.columns.iter().enumerate();
    columns
        .filter(|(_, column)| column.role == Role::Validation)
        .find_map(|(at, column)| Some((at, column.high_is_better?)))
}

/// The best run by validation; of equal ones, the first.
pub(super) fn best(trials: &Trials) -> Option<usize> {
    let (column, high) = criterion(trials)?;
    let numbers =
        trials.trials.iter().enumerate().filter_map(|(at, trial)| Some((at, trial.cells[column].number?)));
    let ordered = |(_, number): &(usize, f64)| if high { *number } else { -number };
    numbers.min_by(|a, b| ordered(b).total_cmp(&ordered(a))).map(|(at, _)| at)
}
