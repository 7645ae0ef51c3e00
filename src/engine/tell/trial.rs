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
    /// What it sets, and no other trial or not every other: keys and values, as TOML has them.
    pub values: BTreeMap<String, String>,
    /// Its stages, by the names that they have among those of all trials, each after what it needs.
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
    /// It was not finished, without a stage that failed: the run was stopped.
    NotRun,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TrialResult {
    /// Its name.
    pub trial: String,
    /// What it sets: keys and values, as TOML has them.
    pub values: BTreeMap<String, String>,
    /// The short keys in the given order, with the values as people write them.
    #[serde(skip)]
    pub shorts: Vec<(String, String)>,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// Whether all of it was in the store.
    pub cached: bool,
    /// What its stages took to compute, whenever that was, in seconds; those that it shares included.
    #[schemars(with = "Option<f64>")]
    pub seconds: f64,
    /// Its stages that failed, by the names that they have among those of all trials.
    pub failed: Vec<String>,
    /// The main numbers of its stages, but for those that all trials have; of repeated ones the means.
    pub numbers: Vec<TrialNumber>,
    /// What stages that are repeated with `seeds` say together.
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
    /// The stage, as within the trial.
    pub stage: String,
    /// The number's name, as in the stage's own results.
    pub name: String,
    /// Its value.
    #[schemars(with = "Option<f64>")]
    pub value: f64,
}
