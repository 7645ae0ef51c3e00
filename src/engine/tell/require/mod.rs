//! Requirements on the results of a run (quality gates), and whether they are met.
//!
//! A requirement compares a number of a stage's result with a bound (`read` has its grammar). `plan::demand` finds
//! its stage before the run, `figure` its number after the run. Knows neither command lines nor listeners.

mod figure;
mod read;

use schemars::JsonSchema;
use serde::Serialize;

use super::repeats::Spread;

pub(in crate::engine) use figure::{Lack, Results, in_artifact, instead, main_number};

/// A requirement on a number of a stage's result: `evaluate.test.accuracy >= 0.85`.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// As it was written.
    pub(in crate::engine) text: String,
    /// `None`: every repeat must meet it.
    over: Option<Over>,
    /// The stage, `evaluate.test`; or one of its repeats, `evaluate.test@2`.
    pub(in crate::engine) stage: String,
    pub(in crate::engine) number: Named,
    relation: Relation,
    bound: f64,
}

/// Which number of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Named {
    /// One of its main numbers.
    Main(String),
    /// A number in one of its JSON artifacts: the artifact and the keys, separated by dots.
    InArtifact(String),
}

/// A function over the repeats of a stage, with its name.
type Over = (&'static str, fn(&Spread) -> Option<f64>);

const OVER: [Over; 4] = [
    ("mean", |spread| spread.mean),
    ("sd", |spread| spread.sd),
    ("min", |spread| spread.min),
    ("max", |spread| spread.max),
];

/// How a number and its bound have to compare.
type Relation = fn(&f64, &f64) -> bool;

/// The relations by their signs, each before those whose signs it begins with.
const RELATIONS: [(&str, Relation); 6] =
    [(">=", f64::ge), ("<=", f64::le), ("==", f64::eq), ("!=", f64::ne), (">", f64::gt), ("<", f64::lt)];

/// A requirement with its stages.
#[derive(Debug)]
pub(in crate::engine) struct Demand {
    pub(in crate::engine) requirement: Requirement,
    /// The stage, or its repeats, in the order of the file.
    pub(in crate::engine) stages: Vec<usize>,
    pub(in crate::engine) place: Place,
}

/// Where the number is.
#[derive(Debug)]
pub(in crate::engine) enum Place {
    /// Among the main numbers.
    Main(String),
    /// In a JSON artifact, at the end of a path of keys.
    Json { artifact: String, path: Vec<String> },
}

/// Whether a requirement is met.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// The requirement, as it was written.
    pub requirement: String,
    /// What the figures are compared with.
    pub bound: f64,
    /// Whether every figure meets it.
    pub met: bool,
    /// What was compared: one figure for each repeat of the stage, or one over all.
    pub figures: Vec<Figure>,
}

/// One number that was compared.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Figure {
    /// Its source: a stage, or `mean of evaluate.test`.
    pub of: String,
    /// The number; `None` if it is missing or undefined, which meets no requirement.
    pub value: Option<f64>,
    /// Whether it meets the requirement.
    pub met: bool,
    /// Why there is no number.
    pub why: Option<String>,
}
