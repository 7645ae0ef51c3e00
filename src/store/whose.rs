//! Which stages of which pipelines had a result: for messages about it, also where its record is lost.
//!
//! What stages had last says most, and is at hand; run records say the rest, and are read only when somebody asks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use super::{ReadRun, Store, survey::Latest};
use crate::digest::Digest;

/// A pipeline and one of its stages.
type User = (String, String);

/// Who had which key.
pub(super) struct Whose<'a> {
    store: &'a Store,
    latest: BTreeMap<Digest, BTreeSet<User>>,
    runs: OnceLock<BTreeMap<Digest, BTreeSet<User>>>,
}

impl<'a> Whose<'a> {
    /// Knows what stages had last.
    pub(super) fn new(store: &'a Store, latest: &[Latest]) -> Self {
        let mut known: BTreeMap<Digest, BTreeSet<User>> = BTreeMap::new();
        for Latest { key, names, .. } in latest {
            known.entry(*key).or_default().extend(names.clone());
        }
        Self { store, latest: known, runs: OnceLock::new() }
    }

    /// The pipelines that had a result.
    pub(super) fn pipelines(&self, key: &Digest) -> BTreeSet<String> {
        self.users(key).map(|(pipeline, _)| pipeline.clone()).collect()
    }

    /// The stages that had a result.
    pub(super) fn stages(&self, key: &Digest) -> BTreeSet<String> {
        self.users(key).map(|(_, stage)| stage.clone()).collect()
    }

    fn users(&self, key: &Digest) -> impl Iterator<Item = &User> {
        let latest = self.latest.get(key).filter(|users| !users.is_empty());
        let users = latest.or_else(|| self.runs.get_or_init(|| by_runs(self.store)).get(key));
        users.into_iter().flatten()
    }
}

fn by_runs(store: &Store) -> BTreeMap<Digest, BTreeSet<User>> {
    let mut users: BTreeMap<Digest, BTreeSet<User>> = BTreeMap::new();
    // A record that cannot be read costs a name in a message.
    for file in store.runs().unwrap_or_default() {
        let Ok(ReadRun::Record(run)) = store.run(&file) else { continue };
        for stage in &run.stages {
            if let Some(key) = stage.key {
                users.entry(key).or_default().insert((run.pipeline.clone(), stage.name.clone()));
            }
        }
    }
    users
}
