//! Which stages of which pipelines had a result: for messages about it, even if its record is lost.

use std::collections::{BTreeMap, BTreeSet};

use super::{ReadRun, Result, Store, survey::Latest};
use crate::digest::Digest;

/// By key, the pipelines and their stages.
pub(super) type Users = BTreeMap<Digest, BTreeSet<(String, String)>>;

/// The users of all keys, from the latest results of stages and from run records.
pub(super) fn users(store: &Store, latest: &[Latest]) -> Result<Users> {
    let mut users = Users::new();
    for Latest { key, names, .. } in latest {
        users.entry(*key).or_default().extend(names.clone());
    }
    for file in store.runs()? {
        let ReadRun::Record(run) = store.run(&file)? else { continue };
        for stage in run.stages {
            if let Some(key) = stage.key {
                users.entry(key).or_default().insert((run.pipeline.clone(), stage.name));
            }
        }
    }
    Ok(users)
}
