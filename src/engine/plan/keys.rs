//! The present keys and states of stages, for commands that work with results.

use crate::digest::Digest;
use crate::engine::{
    plan::engine::{Engine, Refused},
    tell::event::{Observer, Planned, PlannedStage},
};

/// A stage that the command names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStage {
    /// The stage.
    pub stage: String,
    /// Its key, even if there is no result; `None` if it is not known before other stages run.
    pub key: Option<Digest>,
}

/// The state of one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageStatus {
    /// What a run would do.
    pub planned: PlannedStage,
    /// The message of the last attempt with the present key, if that failed. A stage whose parameters or inputs
    /// have changed since then has not failed.
    pub failure: Option<String>,
}

impl Engine<'_> {
    /// The keys of the targets, or of all stages if there are no targets.
    ///
    /// # Errors
    /// Source files that are missing or do not match their pins.
    pub fn keys(&self, observer: &mut dyn Observer) -> Result<Vec<NamedStage>, Refused> {
        let planner = self.planner(observer)?;
        let named = self.named()?;
        let outlooks = self.forecast(&planner, observer).stages.into_iter();
        let named = outlooks.filter(|outlook| named[outlook.stage]).map(|outlook| NamedStage {
            stage: self.pipeline.stages[outlook.stage].name.to_string(),
            key: outlook.key,
        });
        Ok(named.collect())
    }

    /// The plan, and which stages failed, in the order of the plan.
    ///
    /// # Errors
    /// Source files that are missing or do not match their pins.
    pub fn status(&self, observer: &mut dyn Observer) -> Result<Vec<StageStatus>, Refused> {
        let planner = self.planner(observer)?;
        let forecast = self.forecast(&planner, observer);
        let planned = planner.told(&forecast).into_iter();
        let status = planned.zip(&forecast.stages).map(|(planned, outlook)| {
            let key = outlook.key.filter(|_| outlook.state != Planned::Cached);
            // A note that cannot be read must not hide the rest.
            let failure = key.and_then(|key| self.store.failure(&key).ok().flatten());
            StageStatus { planned, failure }
        });
        Ok(status.collect())
    }
}
