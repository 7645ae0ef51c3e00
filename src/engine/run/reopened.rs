//! Stages that are decided about again during a run: because their bytes are needed and lost, or because what they read was
//! computed again and is different.

use super::run_loop::Run;
use crate::engine::{plan::planner::Made, run::states::State};
use crate::{
    digest::Digest,
    store::{ActionRecord, StoredArtifact},
};

impl Run<'_, '_, '_> {
    /// Opens the makers of inputs whose bytes are missing again; true if the stage has to wait for one.
    pub(super) fn waits_for_bytes(&mut self, stage: usize) -> bool {
        let mut waits = false;
        for (maker, artifact) in self.planner.makers(stage) {
            // A maker without artifacts has been opened for another stage already.
            let made = self.made[maker].as_ref().map(|made| made.get(artifact));
            let is_here = |made: &StoredArtifact| self.planner.findings.can_have(&made.digest);
            if made.is_some_and(|made| made.is_some_and(is_here)) {
                continue;
            }
            if made.is_some() {
                self.bytes_needed[maker] = true;
                self.reopen(maker);
            }
            waits = true;
        }
        if waits {
            self.states.set(stage, State::Waiting);
            self.settle();
        }
        waits
    }

    /// Lets a stage be decided about again. Queued stages that read it wait for it.
    pub(super) fn reopen(&mut self, stage: usize) {
        if let Some(made) = self.made[stage].take() {
            self.before[stage] = Some(made);
        }
        self.as_planned[stage] = false;
        let name = self.name(stage);
        self.finished.retain(|finished| finished.stage != name);
        self.states.set(stage, State::Waiting);
        for next in self.planner.pipeline.graph.feeds(stage) {
            if matches!(self.states[next], State::Queued(_)) {
                self.states.set(next, State::Waiting);
            }
        }
    }

    /// Opens the finished readers of a stage that was computed again and now has other artifacts.
    pub(super) fn reopen_readers(&mut self, stage: usize, record: &ActionRecord) {
        let Some(before) = self.before[stage].take() else { return };
        let digest = |made: &Made, artifact: &str| made.get(artifact).map(|artifact| artifact.digest);
        let feeds: Vec<usize> = self.planner.pipeline.graph.feeds(stage).collect();
        for next in feeds {
            let reads_other = self.planner.makers(next).any(|(maker, artifact)| {
                maker == stage && digest(&before, artifact) != digest(&record.artifacts, artifact)
            });
            if reads_other && matches!(self.states[next], State::Done) {
                self.reopen(next);
            }
        }
    }

    /// Whether the artifacts that a stage reads have changed while it ran.
    pub(super) fn is_outdated(&self, stage: usize, key: &Digest) -> bool {
        self.planner.fingerprint(stage, &self.made).is_some_and(|now| now.key() != *key)
    }
}
