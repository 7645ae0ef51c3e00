//! The state of each stage: what a run would do with it, and whether its last attempt with the present key
//! failed.
//!
//! A failure belongs to a key: a stage whose parameters or inputs have changed since has not failed.

use crate::engine::{
    plan::engine::{Engine, Refused},
    plan::planner::{Decision, Made, Planner},
    tell::event::{Observer, Planned, PlannedStage},
};

/// The state of one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageStatus {
    /// What a run would do.
    pub planned: PlannedStage,
    /// What the last attempt at its present key said, where that failed.
    pub failure: Option<String>,
}

impl Engine<'_> {
    /// The plan, and what failed, stage by stage in the order of the plan.
    ///
    /// # Errors
    /// Source files that are missing or not what their pins say.
    pub fn status(&self, observer: &mut dyn Observer) -> Result<Vec<StageStatus>, Refused> {
        let known = self.known(observer)?;
        let planner = self.planner(&known);
        let planned = planner.told(&planner.forecast(&self.order));
        let mut made: Vec<Option<Made>> = vec![None; self.pipeline.stages.len()];
        let status = |(stage, planned): (&usize, PlannedStage)| {
            let failure = failure(&planner, *stage, planned.state, &mut made);
            StageStatus { planned, failure }
        };
        Ok(self.order.iter().zip(planned).map(status).collect())
    }
}

/// What the last failed attempt at a stage said; of a stage that is cached, its artifacts are noted instead.
fn failure(planner: &Planner<'_>, stage: usize, state: Planned, made: &mut [Option<Made>]) -> Option<String> {
    let fingerprint = planner.fingerprint(stage, made)?;
    if state != Planned::Cached {
        // A note that cannot be read is no reason not to tell the rest.
        return planner.findings.store.failure(&fingerprint.key()).ok().flatten();
    }
    if let Decision::Cached(record) = planner.decide(stage, fingerprint) {
        made[stage] = Some(record.artifacts);
    }
    None
}
