//! The numbers of several runs, as plain data.

use super::{
    color::{BLUE, Color},
    method::color_of_method,
};
use crate::metrics::Interval;

/// A number of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Trials {
    /// The name of the number.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// The parameter in which the runs differ; without it the picture is a list.
    pub parameter: Option<String>,
    /// The runs, in the order of the list.
    pub points: Vec<Trial>,
}

/// The number of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The name of the run in a list.
    pub label: String,
    /// Its value of the parameter.
    pub x: Option<f64>,
    /// The number, or its mean over repeats.
    pub value: f64,
    /// How sure it is: its confidence interval, or mean and standard deviation over repeats.
    pub bar: Option<Interval>,
    /// Whether it is the best.
    pub best: bool,
}

impl Trials {
    /// Lines and points have the colour of the method that the number is of.
    pub(super) fn color(&self) -> Color {
        self.title.split(['.', '/']).find_map(color_of_method).unwrap_or(BLUE)
    }
}

impl Trial {
    /// The ends of its bar.
    pub(super) fn ends(&self) -> Option<[f64; 2]> {
        self.bar.map(|bar| [bar.low, bar.high]).filter(|ends| ends.iter().all(|end| end.is_finite()))
    }
}
