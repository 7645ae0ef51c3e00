//! Results over several stages of a run: repeats with `seeds`, and the trials of a sweep.

use std::path::Path;

use crate::engine::tell::{
    ended::{FailedStage, FinishedStage},
    repeats::{Repeated, show},
    trial::TrialResult,
    trials::Ends,
};
use crate::pipeline::Pipeline;

/// The results of repeats and trials.
pub(in crate::engine) struct Together {
    /// The repeats; in a sweep each trial has its own.
    pub(in crate::engine) repeats: Vec<Repeated>,
    /// The results of the trials, if the pipeline is a sweep.
    pub(in crate::engine) trials: Vec<TrialResult>,
    /// What could not be shown.
    pub(in crate::engine) warnings: Vec<String>,
}

impl Together {
    /// The results of the stages in `order`. The tables of repeats are written below `folder`.
    pub(in crate::engine) fn of(
        pipeline: &Pipeline,
        order: &[usize],
        finished: &[FinishedStage],
        failed: &[FailedStage],
        folder: &Path,
    ) -> Self {
        let ends = || Ends::new(pipeline, order, finished, failed);
        if !pipeline.trials.is_empty() {
            let (trials, warnings) = ends().results(folder);
            return Self { repeats: Vec::new(), trials, warnings };
        }
        let is_repeated = pipeline.stages.iter().any(|node| node.name.repeat.is_some());
        let repeats = if is_repeated { ends().repeats(0..pipeline.stages.len()) } else { Vec::new() };
        let warnings = show(folder, &repeats);
        Self { repeats, trials: Vec::new(), warnings }
    }
}
