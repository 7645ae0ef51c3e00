//! The facts about a run that its closing summary needs.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::engine::tell::event::PlannedStage;

/// The facts about a run that its closing summary needs.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The position of each stage in the plan.
    pub(super) order: HashMap<String, usize>,
    /// For each stage that could not run, the stage that failed.
    pub(super) blocked: BTreeMap<String, String>,
    /// The plan of a frozen run.
    pub(super) frozen: Option<Vec<PlannedStage>>,
    /// The stages that are running.
    pub(super) computing: HashSet<String>,
    /// Whether another run follows at once, so that no advice is needed.
    pub(super) goes_on: bool,
}

impl Run {
    /// The stages that a failed stage blocks, in the order of the plan.
    pub(super) fn blocked_by(&self, failed: &str) -> Vec<&str> {
        let by_it = self.blocked.iter().filter(|(_, by)| *by == failed);
        let mut stages: Vec<&str> = by_it.map(|(stage, _)| stage.as_str()).collect();
        stages.sort_by_key(|stage| self.place(stage));
        stages
    }

    #[cfg(test)]
    pub(super) fn block(&mut self, stage: &str, by: &str) {
        self.blocked.insert(stage.to_owned(), by.to_owned());
    }

    /// The position of a stage in the plan; last if it is not in the plan.
    pub(super) fn place(&self, stage: &str) -> usize {
        self.order.get(stage).copied().unwrap_or(usize::MAX)
    }
}
