//! Decides, stage by stage, what is in the store and what has to run.
//!
//! The plan (`forecast`) and the real run ask the same function, `Planner::decide`: the plan once per
//! stage, the real run again as inputs come. Reads action records and file times; opens no artifact.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
};

use crate::engine::plan::{
    fingerprint::Fingerprint,
    known::Known,
    past::{GONE, NEVER, Past},
    why::{Difference, Teller, differences},
};
use crate::{
    digest::Digest,
    pipeline::{Pipeline, Places, Source},
    store::{ActionRecord, Artifacts, Check, Existing, Lookup, Store},
};

/// Decides what has to run.
pub(in crate::engine) struct Planner<'a> {
    pub(in crate::engine) pipeline: &'a Pipeline,
    pub(in crate::engine) store: &'a Store,
    /// The digests of the source files.
    pub(in crate::engine) known: &'a Known,
    /// Stages that run whatever the store holds.
    pub(in crate::engine) forced: Vec<bool>,
    /// What was found damaged, by key: finding it moves it away, so it is found only once.
    pub(in crate::engine) damaged: RefCell<BTreeMap<Digest, String>>,
    /// By stage, the results that the plan found, for a run that begins before anything can have been
    /// collected: each serves once, so that a stage which is decided about again is looked up again. Without
    /// their lines, which are the fingerprint's: of many stages those would be most of the memory.
    pub(in crate::engine) hits: RefCell<Vec<Option<Box<ActionRecord>>>>,
    /// Where values are written, once somebody asks.
    pub(in crate::engine) places: OnceCell<Places<'a>>,
    /// What runs tell of stages whose results are gone, once somebody asks.
    pub(in crate::engine) past: OnceCell<Past>,
}

/// The artifacts of a stage that is done, by name.
pub(in crate::engine) type Made = Artifacts;

/// What has to be done for a stage whose inputs are known.
pub(in crate::engine) enum Decision {
    /// Nothing: this is its result.
    Cached(Box<ActionRecord>),
    /// Compute it.
    Run(ToRun),
}

/// A stage that has to run.
#[derive(Debug, Clone)]
pub(in crate::engine) struct ToRun {
    pub(in crate::engine) fingerprint: Fingerprint,
    pub(in crate::engine) why: String,
    /// What the user should know about it before.
    pub(in crate::engine) warning: Option<String>,
    /// Whether a result that is in the store gives way to the new one, instead of counting.
    pub(in crate::engine) existing: Existing,
    /// Whether it runs although a sound result may be there: not even one that was made meanwhile counts.
    pub(in crate::engine) forced: bool,
}

impl<'a> Planner<'a> {
    /// The fingerprint of a stage, once everything that it reads is known.
    pub(in crate::engine) fn fingerprint(&self, stage: usize, made: &[Option<Made>]) -> Option<Fingerprint> {
        let node = &self.pipeline.stages[stage];
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push((input.slot.as_str(), self.digest(&input.source, made)?));
        }
        Some(Fingerprint::new(&node.stage, inputs))
    }

    pub(in crate::engine) fn digest(&self, source: &Source, made: &[Option<Made>]) -> Option<Digest> {
        match source {
            Source::Artifact { stage, artifact } => {
                Some(made[*stage].as_ref()?.get(artifact.as_ref())?.digest)
            }
            Source::File(user) => user.file.blake3.or_else(|| self.known.digest(&user.path)),
        }
    }

    /// What has to be done for a stage with this fingerprint.
    pub(in crate::engine) fn decide(&self, stage: usize, fingerprint: Fingerprint) -> Decision {
        let key = fingerprint.key();
        tracing::debug!("{}: key {key}", self.pipeline.stages[stage].name);
        if self.forced[stage] {
            return replace(fingerprint, "forced", None);
        }
        if let Some(record) = self.hit(stage, &key) {
            return Decision::Cached(record);
        }
        match self.sound_record(&key) {
            Ok(Some(record)) => Decision::Cached(record),
            Ok(None) => {
                let why = self.why(stage, &fingerprint);
                Decision::Run(ToRun {
                    fingerprint,
                    why,
                    warning: None,
                    existing: Existing::Keep,
                    forced: false,
                })
            }
            Err(damage) => replace(fingerprint, "its result was damaged or lost", Some(damage)),
        }
    }

    /// What the plan found, if that is still what is asked for.
    fn hit(&self, stage: usize, key: &Digest) -> Option<Box<ActionRecord>> {
        self.found(stage).filter(|record| record.key == *key)
    }

    /// What the plan found for a stage, once.
    pub(in crate::engine) fn found(&self, stage: usize) -> Option<Box<ActionRecord>> {
        self.hits.borrow_mut().get_mut(stage)?.take()
    }

    /// The record of a key, if its bytes are sound or not here at all; what is wrong otherwise.
    fn sound_record(&self, key: &Digest) -> Result<Option<Box<ActionRecord>>, String> {
        if let Some(damage) = self.damaged.borrow().get(key) {
            return Err(damage.clone());
        }
        // Without its lines and most of who made it: whoever asks for those reads the record.
        let recalled = self.store.recalled(key).map(Lookup::Found);
        let found = match recalled.map_or_else(|| self.store.record(key), Ok) {
            Ok(Lookup::Found(record)) => match self.damage(&record) {
                None => Ok(Some(record)),
                Some(damage) => Err(damage),
            },
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
            self.refresh(record, &checks);
        }
        None
    }

    /// Where it fails, the objects are read again the next time: slower, nothing else.
    fn refresh(&self, record: &ActionRecord, checks: &BTreeMap<String, Check>) {
        if let Ok(Lookup::Found(whole)) = self.store.record(&record.key)
            && whole.artifacts == record.artifacts
        {
            let _ = self.store.refresh(&whole, checks);
        }
    }

    /// A result that is in the store, but has to be computed for its bytes.
    pub(in crate::engine) fn recompute(fingerprint: Fingerprint) -> ToRun {
        let why = "its bytes are not in this store, and are needed".to_owned();
        ToRun { fingerprint, why, warning: None, existing: Existing::Replace, forced: false }
    }

    fn why(&self, stage: usize, fingerprint: &Fingerprint) -> String {
        if let Ok(Some(loss)) = self.store.loss(&fingerprint.key()) {
            return loss;
        }
        let name = self.pipeline.stages[stage].name.to_string();
        match self.previous(&name) {
            Some(record) => self.teller(stage).reason(&differences(&record.lines, fingerprint.lines())),
            None => self.without_result(&name),
        }
    }

    /// Of a stage whose inputs are not all known, why it would run whatever they are; empty where what is known
    /// of it is as it was.
    pub(in crate::engine) fn so_far(&self, stage: usize, made: &[Option<Made>]) -> String {
        let name = self.pipeline.stages[stage].name.to_string();
        let Some(record) = self.previous(&name) else { return self.without_result(&name) };
        let known = self.known_lines(stage, made);
        let mut changed = differences(&record.lines, known.lines());
        changed.retain(|Difference { line, new, .. }| !line.starts_with("input ") || new.is_some());
        if changed.is_empty() { String::new() } else { self.teller(stage).reason(&changed) }
    }

    /// Why a stage runs of which the store has no result.
    fn without_result(&self, name: &str) -> String {
        let had = matches!(self.store.latest_key(&self.pipeline.name, name), Ok(Some(_)))
            || self.past().had_result(name);
        if had { GONE } else { NEVER }.to_owned()
    }

    /// What runs tell of stages.
    pub(in crate::engine) fn past(&self) -> &Past {
        self.past.get_or_init(|| Past::of(self.store, &self.pipeline.name))
    }

    /// The fingerprint of a stage as far as it is known: the lines of inputs that are still to be made are
    /// not in it.
    pub(in crate::engine) fn known_lines(&self, stage: usize, made: &[Option<Made>]) -> Fingerprint {
        let node = &self.pipeline.stages[stage];
        let known = node
            .inputs
            .iter()
            .filter_map(|input| Some((input.slot.as_str(), self.digest(&input.source, made)?)));
        Fingerprint::new(&node.stage, known)
    }

    /// Says in words why a stage runs.
    pub(in crate::engine) fn teller(&self, stage: usize) -> Teller<'_> {
        Teller { pipeline: self.pipeline, node: &self.pipeline.stages[stage], places: self.written() }
    }

    /// Where the values of the pipeline are written.
    pub(in crate::engine) fn written(&self) -> &Places<'a> {
        self.places.get_or_init(|| self.pipeline.places())
    }

    /// The record that a stage of this name had last; of a trial that is new, that of the stage in the pipeline
    /// itself: it says best what the trial does otherwise.
    pub(in crate::engine) fn previous(&self, name: &str) -> Option<ActionRecord> {
        let had = |name: &str| self.store.previous(&self.pipeline.name, name).ok().flatten();
        had(name).or_else(|| had(&without_trial(name)?))
    }
}

/// The name of a trial's stage in the pipeline itself.
fn without_trial(name: &str) -> Option<String> {
    let (stage, rest) = name.split_once('[')?;
    Some(format!("{stage}{}", rest.split_once(']')?.1))
}

fn replace(fingerprint: Fingerprint, why: &str, warning: Option<String>) -> Decision {
    let (why, forced) = (why.to_owned(), warning.is_none());
    Decision::Run(ToRun { fingerprint, why, warning, existing: Existing::Replace, forced })
}
