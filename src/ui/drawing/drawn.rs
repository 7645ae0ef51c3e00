//! What is drawn: stages and who reads whom. Plain data.

use crate::engine::tell::event::PlannedStage;

/// What is drawn.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// The pipeline's name.
    pub pipeline: String,
    /// Its stages, each after what it needs.
    pub stages: Vec<DrawnStage>,
    /// Who reads whom.
    pub edges: Vec<Edge>,
}

/// One stage.
#[derive(Debug, Clone, Default)]
pub struct DrawnStage {
    /// Its name.
    pub stage: String,
    /// Its kind.
    pub kind: String,
    /// What a run would do with it, where that was asked for.
    pub planned: Option<PlannedStage>,
    /// What its last attempt said, where that failed.
    pub failure: Option<String>,
}

/// One stage reads something of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Who makes it, by index.
    pub from: usize,
    /// Who reads it, by index.
    pub to: usize,
    /// What it is.
    pub artifacts: Vec<String>,
}
