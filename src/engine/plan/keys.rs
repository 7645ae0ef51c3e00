//! The present keys of stages, for commands that work with results.

use crate::digest::Digest;
use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        planner::{Decision, Made},
        select,
    },
    tell::event::Observer,
};

/// A stage that the command names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStage {
    /// The stage.
    pub stage: String,
    /// Its key, whether there is a result or not; `None` if it is not known before other stages run.
    pub key: Option<Digest>,
}

impl Engine<'_> {
    /// The targets of this engine (all stages if none were named), each with its key.
    ///
    /// # Errors
    /// Source files that are missing or not what their pins say.
    pub fn keys(&self, observer: &mut dyn Observer) -> Result<Vec<NamedStage>, Refused> {
        let known = self.known(observer)?;
        let planner = self.planner(&known);
        let named = select::named(self.pipeline, &self.options.targets).map_err(Refused::Wrong)?;
        let mut made: Vec<Option<Made>> = vec![None; self.pipeline.stages.len()];
        let mut found = Vec::new();
        for stage in self.order.iter().copied() {
            let fingerprint = planner.fingerprint(stage, &made);
            let key = fingerprint.as_ref().map(|fingerprint| fingerprint.key());
            let decision = fingerprint.map(|fingerprint| planner.decide(stage, fingerprint));
            if let Some(Decision::Cached(record)) = decision {
                made[stage] = Some(record.artifacts);
            }
            if named[stage] {
                found.push(NamedStage { stage: self.pipeline.stages[stage].name.to_string(), key });
            }
        }
        Ok(found)
    }
}
