//! What a plan or a run finds in the store: sound results, damage, earlier results.
//!
//! Reads action records and file times, opens no artifact, decides nothing.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    digest::Digest,
    remote::Remote,
    store::{ActionRecord, Check, Lookup, Store},
};

/// What was found in the store for one pipeline.
pub(in crate::engine) struct Findings<'a> {
    pub(in crate::engine) store: &'a Store,
    remote: Option<&'a Remote>,
    /// The pipeline's name.
    pipeline: &'a str,
    /// Damage by key. The store moves a damaged result away, so it can be found only once.
    damaged: RefCell<BTreeMap<Digest, String>>,
    /// Records of the remote store that the store here cannot keep, because it cannot be written.
    lent: RefCell<BTreeMap<Digest, ActionRecord>>,
    /// The results that the plan found, by stage. Each is used once, so that a stage which is decided about again
    /// is looked up again. They have no lines, which would use most of the memory of many stages.
    hits: RefCell<Vec<Option<Box<ActionRecord>>>>,
}

impl<'a> Findings<'a> {
    pub(in crate::engine) fn new(store: &'a Store, remote: Option<&'a Remote>, pipeline: &'a str) -> Self {
        Self {
            store,
            remote,
            pipeline,
            damaged: RefCell::default(),
            lent: RefCell::default(),
            hits: RefCell::default(),
        }
    }

    /// Uses a record that the store cannot keep.
    pub(in crate::engine) fn lend(&self, record: ActionRecord) {
        self.lent.borrow_mut().insert(record.key, record);
    }

    /// The whole record of a key.
    pub(in crate::engine) fn record(&self, key: &Digest) -> Option<ActionRecord> {
        let lent = || self.lent.borrow().get(key).cloned();
        self.store.record(key).ok().and_then(Lookup::found).or_else(lent)
    }

    /// Whether the bytes of an artifact are here, or can be fetched as far as is known.
    pub(in crate::engine) fn can_have(&self, digest: &Digest) -> bool {
        self.store.has(digest) || self.remote.is_some_and(|remote| remote.has_object(digest))
    }

    /// Keeps what a plan found, for the run that follows.
    pub(in crate::engine) fn remember(&self, hits: Vec<Option<Box<ActionRecord>>>) {
        *self.hits.borrow_mut() = hits;
    }

    /// What the plan found for a stage, once.
    pub(in crate::engine) fn found(&self, stage: usize) -> Option<Box<ActionRecord>> {
        self.hits.borrow_mut().get_mut(stage)?.take()
    }

    /// The result of a stage with this key, if its bytes are sound or not in this store; otherwise the damage.
    pub(in crate::engine) fn look(
        &self,
        stage: usize,
        key: &Digest,
    ) -> Result<Option<Box<ActionRecord>>, String> {
        if let Some(record) = self.found(stage).filter(|record| record.key == *key) {
            return Ok(Some(record));
        }
        if let Some(damage) = self.damaged.borrow().get(key) {
            return Err(damage.clone());
        }
        // A recalled record has no lines and little provenance. Callers that need those read the record.
        let recalled = self.store.recalled(key).map(Lookup::Found);
        let found = match recalled.map_or_else(|| self.store.record(key), Ok) {
            Ok(Lookup::Found(record)) => match self.damage(&record) {
                None => Ok(Some(record)),
                Some(damage) => Err(damage),
            },
            Ok(Lookup::Absent) => Ok(self.lent.borrow().get(key).cloned().map(Box::new)),
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

    /// The damage to the bytes of a result, if there is any.
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

    /// Notes the new times of the objects. If this fails, they are read again the next time.
    fn refresh(&self, record: &ActionRecord, checks: &BTreeMap<String, Check>) {
        if let Ok(Lookup::Found(whole)) = self.store.record(&record.key)
            && whole.artifacts == record.artifacts
        {
            let _ = self.store.refresh(&whole, checks);
        }
    }

    /// Whether a stage had a result that may be gone.
    pub(in crate::engine) fn had_result(&self, name: &str) -> bool {
        matches!(self.store.latest_key(self.pipeline, name), Ok(Some(_)))
    }

    /// The last record of a stage with this name. For a stage of a new trial it is that of the same stage outside
    /// of trials, which shows best what the trial changes.
    pub(in crate::engine) fn previous(&self, name: &str) -> Option<ActionRecord> {
        let had = |name: &str| self.store.previous(self.pipeline, name).ok().flatten();
        had(name).or_else(|| had(&without_trial(name)?))
    }
}

/// The name of a trial's stage outside of trials.
fn without_trial(name: &str) -> Option<String> {
    let (stage, rest) = name.split_once('[')?;
    Some(format!("{stage}{}", rest.split_once(']')?.1))
}
