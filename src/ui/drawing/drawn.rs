//! The stages and edges to draw. Plain data.

use crate::engine::StageStatus;

/// The stages and edges to draw.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// The pipeline's name.
    pub pipeline: String,
    /// Its stages, each after the stages that it reads.
    pub stages: Vec<DrawnStage>,
    /// The edges between them.
    pub edges: Vec<Edge>,
}

/// One stage.
#[derive(Debug, Clone, Default)]
pub struct DrawnStage {
    /// Its name.
    pub stage: String,
    /// Its kind.
    pub kind: String,
    /// What a run would do with it, and whether it failed; `None` without `--status`.
    pub status: Option<StageStatus>,
}

/// A stage that reads artifacts of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The index of the stage that writes them.
    pub from: usize,
    /// The index of the stage that reads them.
    pub to: usize,
    /// Their names.
    pub artifacts: Vec<String>,
}
