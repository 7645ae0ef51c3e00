//! Results over several stages of a run: repeats with `seeds`, and the trials of a sweep.

use std::path::Path;

use crate::engine::tell::{
    ended::{FailedStage, FinishedStage},
    repeats::{Repeated, repeats, show},
    trial::TrialResult,
    trials::Ends,
};
use crate::pipeline::Pipeline;

/// What there is to say of repeats and trials.
pub(in crate::engine) struct Together {
    /// What repeats say; of a sweep it is said trial by trial.
    pub(in crate::engine) repeats: Vec<Repeated>,
    /// What came of the trials, where the pipeline is a sweep.
    pub(in crate::engine) trials: Vec<TrialResult>,
    /// What the user should know: what could not be shown.
    pub(in crate::engine) warnings: Vec<String>,
}

impl Together {
    /// Of the stages in `order`; what repeats say is shown below `folder` as well.
    pub(in crate::engine) fn of(
        pipeline: &Pipeline,
        order: &[usize],
        finished: &[FinishedStage],
        failed: &[FailedStage],
        folder: &Path,
    ) -> Self {
        if pipeline.trials.is_empty() {
            let repeats = repeats(pipeline, order, finished);
            let warnings = show(folder, &repeats);
            return Self { repeats, trials: Vec::new(), warnings };
        }
        let (trials, warnings) = Ends::new(pipeline, order, finished, failed).results(folder);
        Self { repeats: Vec::new(), trials, warnings }
    }
}
