//! The trials of a sweep: the values of each, how it ended, and its main numbers. Plain data.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::tell::{ended::as_text, repeats::Repeated};

/// The folder of the trials, in a pipeline's folder.
pub(in crate::engine) const FOLDER: &str = "trials";

/// A trial, before anything runs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedTrial {
    /// Its name.
    pub trial: String,
    /// The values that it sets and not all trials share: keys and values, as in TOML.
    pub values: BTreeMap<String, String>,
    /// Its stages, by their names in the run, each after those that it reads.
    pub stages: Vec<String>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrialOutcome {
    /// All its stages are done.
    Done,
    /// One of its stages failed.
    Failed,
    /// It was not finished, but no stage failed: the run was stopped.
    NotRun,
}

/// The result of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TrialResult {
    /// Its name.
    pub trial: String,
    /// The values that it sets: keys and values, as in TOML.
    pub values: BTreeMap<String, String>,
    /// The short keys in the given order, with the values as people write them.
    #[serde(skip)]
    pub shorts: Vec<(String, String)>,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// Whether all its results were in the store.
    pub cached: bool,
    /// How long its stages took to compute, whenever that was, in seconds; includes those that it shares.
    #[schemars(with = "Option<f64>")]
    pub seconds: f64,
    /// Its stages that failed, by their names in the run.
    pub failed: Vec<String>,
    /// The main numbers of its stages, without those that all trials share; means for repeated stages.
    pub numbers: Vec<TrialNumber>,
    /// The results of stages that are repeated with `seeds`.
    pub repeats: Vec<Repeated>,
    /// Where its artifacts are shown.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub folder: PathBuf,
}

/// A main number of one of a trial's stages.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TrialNumber {
    /// The stage, by its name within the trial.
    pub stage: String,
    /// The number's name, as in the stage's own results.
    pub name: String,
    /// Its value.
    #[schemars(with = "Option<f64>")]
    pub value: f64,
}
