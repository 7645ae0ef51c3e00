//! What a run says of the job that computes a stage on a cluster.

use schemars::JsonSchema;
use serde::Serialize;

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct JobState {
    /// Its number in Slurm.
    pub job: u64,
    /// What it is doing.
    pub state: JobPhase,
    /// Why it waits, in Slurm's word (`Priority`, `Resources`).
    pub reason: Option<String>,
    /// The node on which it runs.
    pub node: Option<String>,
}

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobPhase {
    /// It waits in the queue.
    Pending,
    /// It runs.
    Running,
}

/// A stage whose job goes on after the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SubmittedStage {
    /// The stage.
    pub stage: String,
    /// Its job's number in Slurm.
    pub job: u64,
}
