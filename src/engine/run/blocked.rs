//! What a stage that was not computed means for others: those that read it are blocked, or the next run computes it.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::engine::{
    run::{run_loop::Run, states::State},
    tell::event::Event,
};

impl Run<'_, '_, '_> {
    /// A source changed while a stage read it: the stage did not fail, and the next run computes it.
    pub(super) fn leave_to_next_run(&mut self, stage: usize, goes_on: &AtomicBool, path: &Path) {
        goes_on.store(true, Ordering::SeqCst);
        let path = path.display();
        let text =
            format!("{path} changed while this was computed from it: it is computed again with the new one");
        self.warn(stage, text);
    }

    /// Blocks everything that reads a failed stage, directly or indirectly.
    pub(super) fn block(&mut self, stage: usize, by: &str) {
        let feeds = |stage| self.planner.pipeline.graph.feeds(stage);
        let mut blocked: Vec<usize> = feeds(stage).collect();
        while let Some(next) = blocked.pop() {
            if matches!(self.states[next], State::Waiting) {
                self.states.set(next, State::Blocked);
                let stage = self.planner.pipeline.stages[next].name.to_string();
                self.observer.event(&Event::Blocked { stage, by: by.to_owned() });
                blocked.extend(feeds(next));
            }
        }
    }
}
