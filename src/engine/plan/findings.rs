//! What a plan or a run finds in the store: sound results, damage, earlier results, run records.
//!
//! Each answer is found once and kept. Reads action records and file times, opens no artifact, decides nothing.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
};

use crate::engine::plan::{past::Past, reason::Why};
use crate::{
    digest::Digest,
    store::{ActionRecord, Check, Lookup, Store},
};

/// What was found in the store for one pipeline.
pub(in crate::engine) struct Findings<'a> {
    pub(in crate::engine) store: &'a Store,
    /// The pipeline's name.
    pipeline: &'a str,
    /// What was found damaged, by key: finding it moves it away, so it is found only once.
    damaged: RefCell<BTreeMap<Digest, String>>,
    /// By stage, the results that the plan found, for a run that begins before anything can have been
    /// collected: each serves once, so that a stage which is decided about again is looked up again. Without
    /// their lines, which are the fingerprint's: of many stages those would be most of the memory.
    hits: RefCell<Vec<Option<Box<ActionRecord>>>>,
    /// What runs tell of stages whose results are gone, once it is needed.
    past: OnceCell<Past>,
}

/// What the store has for a key.
pub(in crate::engine) enum Looked {
    /// A result whose bytes are sound, or not here at all.
    Sound(Box<ActionRecord>),
    /// No result.
    Nothing,
    /// A result that is not sound, and what is wrong with it.
    Damaged(String),
}

impl<'a> Findings<'a> {
    /// Nothing is found yet.
    pub(in crate::engine) fn new(store: &'a Store, pipeline: &'a str) -> Self {
        let (damaged, hits, past) = Default::default();
        Self { store, pipeline, damaged, hits, past }
    }

    /// Keeps what a plan found, for the run that follows at once.
    pub(in crate::engine) fn remember(&self, hits: Vec<Option<Box<ActionRecord>>>) {
        *self.hits.borrow_mut() = hits;
    }

    /// Why the store has put a result aside, if it has.
    pub(in crate::engine) fn loss(&self, key: &Digest) -> Option<String> {
        self.store.loss(key).ok().flatten()
    }

    /// What the store has for a stage with this key.
    pub(in crate::engine) fn look(&self, stage: usize, key: &Digest) -> Looked {
        if let Some(record) = self.found(stage).filter(|record| record.key == *key) {
            return Looked::Sound(record);
        }
        match self.sound_record(key) {
            Ok(Some(record)) => Looked::Sound(record),
            Ok(None) => Looked::Nothing,
            Err(damage) => Looked::Damaged(damage),
        }
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
        // Without its lines and most of its provenance: callers that need those read the record.
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

    /// Why a stage runs of which the store has no result.
    pub(in crate::engine) fn without_result(&self, name: &str) -> Why {
        let had =
            matches!(self.store.latest_key(self.pipeline, name), Ok(Some(_))) || self.past().had_result(name);
        if had { Why::Removed } else { Why::NeverRan }
    }

    /// What runs tell of stages.
    pub(in crate::engine) fn past(&self) -> &Past {
        self.past.get_or_init(|| Past::of(self.store, self.pipeline))
    }

    /// The record that a stage of this name had last; of a trial that is new, that of the stage in the pipeline
    /// itself: it says best what is different in the trial.
    pub(in crate::engine) fn previous(&self, name: &str) -> Option<ActionRecord> {
        let had = |name: &str| self.store.previous(self.pipeline, name).ok().flatten();
        had(name).or_else(|| had(&without_trial(name)?))
    }
}

/// The name of a trial's stage in the pipeline itself.
fn without_trial(name: &str) -> Option<String> {
    let (stage, rest) = name.split_once('[')?;
    Some(format!("{stage}{}", rest.split_once(']')?.1))
}
