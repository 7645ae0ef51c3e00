//! Finished and failed stages in events and summaries. Plain data.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::{
    protocol::{FailureClass, Number},
    store::ActionRecord,
};

/// A stage that is done.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FinishedStage {
    /// The stage.
    pub stage: String,
    /// The key of its result.
    pub key: String,
    /// Whether its result was in the store already.
    pub cached: bool,
    /// How long it took to compute, in seconds; if cached, when it was computed.
    #[schemars(with = "Option<f64>")]
    pub seconds: f64,
    /// Its main numbers, the most important first.
    pub numbers: Vec<Number>,
    /// Where its artifacts are shown; `None` if their bytes are not in the store.
    #[serde(serialize_with = "maybe_as_text")]
    #[schemars(with = "Option<String>")]
    pub folder: Option<PathBuf>,
    /// Where it computed.
    pub device: String,
    /// Where it continued, if it resumed partial work.
    pub resumed: Option<String>,
}

/// A stage that failed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FailedStage {
    /// The stage.
    pub stage: String,
    /// The key of its result; `None` if its inputs are not known.
    pub key: Option<String>,
    /// What was at fault.
    pub class: FailureClass,
    /// What happened, where, and what to do.
    pub message: String,
    /// Its log.
    #[serde(serialize_with = "maybe_as_text")]
    #[schemars(with = "Option<String>")]
    pub log: Option<PathBuf>,
}

impl FinishedStage {
    /// A stage with this result, which is shown in this folder.
    pub(in crate::engine) fn of(
        stage: String,
        record: &ActionRecord,
        cached: bool,
        folder: Option<PathBuf>,
    ) -> Self {
        Self {
            stage,
            key: record.key.hex(),
            cached,
            seconds: record.made.seconds,
            numbers: record.numbers.clone(),
            folder,
            device: record.made.device.clone(),
            resumed: record.made.resumed.clone(),
        }
    }
}

/// Writes a path that is not Unicode as well as possible, because an event must not fail for it.
pub(in crate::engine) fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(serializer)
}

/// The same, or null.
pub(in crate::engine) fn maybe_as_text<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(serializer)
}
