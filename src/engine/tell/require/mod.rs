//! What a run is required to reach, and whether it did: quality gates.
//!
//! A requirement compares a number of a stage's result with a figure (`read` has its grammar). `plan::demand`
//! looks up its stage before the run, `figure` its number after it. Knows neither command lines nor listeners.

mod figure;
mod read;

use schemars::JsonSchema;
use serde::Serialize;

pub(in crate::engine) use figure::{Lack, Results, in_artifact, main_number};

/// What a number of a stage's result has to be: `evaluate.test.accuracy >= 0.85`.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// As it was written.
    pub(in crate::engine) text: String,
    over: Over,
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
    /// A number in one of its JSON artifacts: the artifact, and behind a dot each the keys on the way.
    InArtifact(String),
}

/// What of a stage that is repeated is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The number of each repeat.
    Each,
    /// Their mean.
    Mean,
    /// Their standard deviation (divided by n - 1).
    Sd,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

impl Over {
    const WORDS: [(&str, Self); 4] =
        [("mean", Self::Mean), ("sd", Self::Sd), ("min", Self::Min), ("max", Self::Max)];
}

/// How a number and its bound have to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    AtLeast,
    AtMost,
    Equal,
    Unequal,
    Above,
    Below,
}

impl Relation {
    /// As they are written, the longer before those with which they begin.
    const SIGNS: [(&str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        (">", Self::Above),
        ("<", Self::Below),
    ];

    /// Whether a defined number holds to it.
    #[allow(clippy::float_cmp, reason = "that is what `==` asks for")]
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtLeast => value >= bound,
            Self::AtMost => value <= bound,
            Self::Equal => value == bound,
            Self::Unequal => value != bound,
            Self::Above => value > bound,
            Self::Below => value < bound,
        }
    }
}

/// A requirement, with the stages that it is about.
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

/// What came of a requirement.
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
    /// Whose it is: a stage, or `mean of evaluate.test`.
    pub of: String,
    /// The number; `None` where there is none, or it is undefined. That meets nothing.
    pub value: Option<f64>,
    /// Whether it meets the requirement.
    pub met: bool,
    /// Why there is no number.
    pub why: Option<String>,
}
