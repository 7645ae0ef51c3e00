//! What is remembered of a run for its closing summary.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::engine::tell::event::PlannedStage;

/// What is remembered of a run for its end.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Each stage's place in the plan.
    pub(super) order: HashMap<String, usize>,
    /// The stages that could not run, and the stage that failed.
    pub(super) blocked: BTreeMap<String, String>,
    /// Of a frozen run, its plan.
    pub(super) frozen: Option<Vec<PlannedStage>>,
    /// The stages that compute.
    pub(super) computing: HashSet<String>,
    /// Whether what stopped the run starts it again: then there is nothing to advise.
    pub(super) goes_on: bool,
}

impl Run {
    /// What could not run because of a stage, in the order of the plan.
    pub(super) fn blocked_by(&self, failed: &str) -> Vec<&str> {
        let by_it = self.blocked.iter().filter(|(_, by)| *by == failed);
        let mut stages: Vec<&str> = by_it.map(|(stage, _)| stage.as_str()).collect();
        stages.sort_by_key(|stage| self.place(stage));
        stages
    }

    /// Remembers that a stage cannot run, and the one that failed.
    #[cfg(test)]
    pub(super) fn block(&mut self, stage: &str, by: &str) {
        self.blocked.insert(stage.to_owned(), by.to_owned());
    }

    /// A stage's place in the plan; last where it is not in it.
    pub(super) fn place(&self, stage: &str) -> usize {
        self.order.get(stage).copied().unwrap_or(usize::MAX)
    }
}
