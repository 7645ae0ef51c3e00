//! Decides, stage by stage, what is in the store and what has to run.
//!
//! The dry run and the real run ask the same function, `Planner::decide`: the dry run once per stage,
//! the real run again as inputs come. Reads action records and file times; opens no artifact.

use std::{cell::RefCell, collections::BTreeMap};

use super::{
    event::{Planned, PlannedStage},
    fingerprint::{Fingerprint, why},
    known::Known,
};
use crate::{
    digest::Digest,
    pipeline::{Pipeline, Source},
    store::{ActionRecord, Check, Existing, Lookup, Store, StoredArtifact},
};

/// Decides what has to run.
pub(super) struct Planner<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) store: &'a Store,
    /// The digests of the source files.
    pub(super) known: &'a Known,
    /// Stages that run whatever the store holds.
    pub(super) forced: Vec<bool>,
    /// What was found damaged, by key: finding it moves it away, so it is found only once.
    pub(super) damaged: RefCell<BTreeMap<Digest, String>>,
}

/// The artifacts of a stage that is done, by name.
pub(super) type Made = BTreeMap<String, StoredArtifact>;

/// What has to be done for a stage whose inputs are known.
pub(super) enum Decision {
    /// Nothing: this is its result.
    Cached(Box<ActionRecord>),
    /// Compute it.
    Run(ToRun),
}

/// A stage that has to run.
#[derive(Debug, Clone)]
pub(super) struct ToRun {
    pub(super) fingerprint: Fingerprint,
    pub(super) why: String,
    /// What the user should know about it before.
    pub(super) warning: Option<String>,
    /// Whether a result that is in the store gives way to the new one, instead of counting.
    pub(super) existing: Existing,
}

impl Planner<'_> {
    /// The fingerprint of a stage, once everything that it reads is known.
    pub(super) fn fingerprint(&self, stage: usize, made: &[Option<Made>]) -> Option<Fingerprint> {
        let node = &self.pipeline.stages[stage];
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push((input.slot.as_str(), self.digest(&input.source, made)?));
        }
        Some(Fingerprint::new(&node.stage, inputs))
    }

    fn digest(&self, source: &Source, made: &[Option<Made>]) -> Option<Digest> {
        match source {
            Source::Artifact { stage, artifact } => Some(made[*stage].as_ref()?.get(*artifact)?.digest),
            Source::File { file, path, .. } => file.blake3.or_else(|| self.known.digest(path)),
        }
    }

    /// What has to be done for a stage with this fingerprint.
    pub(super) fn decide(&self, stage: usize, fingerprint: Fingerprint) -> Decision {
        let key = fingerprint.key();
        tracing::debug!("{}: key {key}", self.pipeline.stages[stage].name);
        if self.forced[stage] {
            return replace(fingerprint, "forced", None);
        }
        match self.sound_record(&key) {
            Ok(Some(record)) => Decision::Cached(Box::new(record)),
            Ok(None) => {
                let why = self.why(stage, &fingerprint);
                Decision::Run(ToRun { fingerprint, why, warning: None, existing: Existing::Keep })
            }
            Err(damage) => replace(fingerprint, "its result was damaged or lost", Some(damage)),
        }
    }

    /// The record of a key, if its bytes are sound or not here at all; what is wrong otherwise.
    fn sound_record(&self, key: &Digest) -> Result<Option<ActionRecord>, String> {
        if let Some(damage) = self.damaged.borrow().get(key) {
            return Err(damage.clone());
        }
        let found = match self.store.record(key) {
            Ok(Lookup::Found(record)) => self.damage(&record).map_or(Ok(Some(*record)), Err),
            Ok(Lookup::Absent) => Ok(None),
            Ok(Lookup::Damaged(damage)) => {
                Err(format!("an action record was damaged ({}): computing it again", damage.what))
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(damage) = &found {
            self.damaged.borrow_mut().insert(*key, damage.clone());
        }
        found
    }

    /// What is wrong with the bytes of a result, if anything is.
    fn damage(&self, record: &ActionRecord) -> Option<String> {
        let mut checks = BTreeMap::new();
        for (name, artifact) in &record.artifacts {
            let what =
                |how: &str| Some(format!("the bytes of `{}/{name}` {how}: computing it again", record.stage));
            match self.store.check(record, artifact) {
                Ok(Check::Missing) => return what("are gone from the store"),
                Ok(Check::Damaged(damage)) => return what(&format!("are damaged ({})", damage.what)),
                Ok(check) => drop(checks.insert(name.clone(), check)),
                Err(error) => return Some(error.to_string()),
            }
        }
        if checks.values().any(|check| matches!(check, Check::IntactButTouched(_))) {
            // Where it fails, the objects are read again the next time: slower, nothing else.
            let _ = self.store.refresh(record, &checks);
        }
        None
    }

    /// A result that is in the store, but has to be computed for its bytes.
    pub(super) fn recompute(fingerprint: Fingerprint) -> ToRun {
        let why = "its bytes are not in this store, and are needed".to_owned();
        ToRun { fingerprint, why, warning: None, existing: Existing::Replace }
    }

    fn why(&self, stage: usize, fingerprint: &Fingerprint) -> String {
        let previous = self.previous(&self.pipeline.stages[stage].name.to_string());
        why(previous.as_ref().map(|record| &record.lines), fingerprint)
    }

    fn previous(&self, name: &str) -> Option<ActionRecord> {
        self.store.previous(&self.pipeline.name, name).ok().flatten()
    }

    /// The plan of a run: every stage in scope, in order.
    pub(super) fn plan(&self, order: &[usize]) -> Vec<PlannedStage> {
        let mut made: Vec<Option<Made>> = vec![None; self.pipeline.stages.len()];
        order.iter().map(|stage| self.planned(*stage, &mut made)).collect()
    }

    fn planned(&self, stage: usize, made: &mut [Option<Made>]) -> PlannedStage {
        let name = self.pipeline.stages[stage].name.to_string();
        let (state, why, seconds) = match self.fingerprint(stage, made) {
            None => (self.undecided(stage), self.waits_for(stage, made), self.last_time(&name)),
            Some(fingerprint) => match self.decide(stage, fingerprint) {
                Decision::Cached(record) => {
                    let seconds = record.made.seconds;
                    made[stage] = Some(record.artifacts);
                    (Planned::Cached, String::new(), Some(seconds))
                }
                Decision::Run(run) => (Planned::Run, run.why, self.last_time(&name)),
            },
        };
        PlannedStage { stage: name, state, why, seconds }
    }

    fn undecided(&self, stage: usize) -> Planned {
        if self.forced[stage] { Planned::Run } else { Planned::Maybe }
    }

    fn last_time(&self, name: &str) -> Option<f64> {
        self.previous(name).map(|record| record.made.seconds)
    }

    fn waits_for(&self, stage: usize, made: &[Option<Made>]) -> String {
        let waiting = self.pipeline.stages[stage].inputs.iter().find_map(|input| match input.source {
            Source::Artifact { stage, artifact } if made[stage].is_none() => {
                Some(format!("`{}/{artifact}` may change", self.pipeline.stages[stage].name))
            }
            _ => None,
        });
        waiting.unwrap_or_default()
    }
}

fn replace(fingerprint: Fingerprint, why: &str, warning: Option<String>) -> Decision {
    Decision::Run(ToRun { fingerprint, why: why.to_owned(), warning, existing: Existing::Replace })
}
