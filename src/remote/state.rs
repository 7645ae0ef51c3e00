//! What a command has learnt of a remote store. Plain data.

use std::collections::{HashMap, HashSet};

use super::client::Trouble;
use crate::{digest::Digest, store::ActionRecord};

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Records of bundles, not taken yet.
    pub(super) bundled: HashMap<Digest, ActionRecord>,
    /// Whether the remote has a record of a key.
    pub(super) keys: HashMap<Digest, bool>,
    /// Keys of which the remote has the same result as the store here.
    pub(super) same: HashSet<Digest>,
    /// Whether the remote has an object.
    pub(super) objects: HashMap<Digest, bool>,
    /// Keys and objects that are wrong there: a push replaces them.
    pub(super) wrong: HashSet<Digest>,
    /// Why nothing more is asked.
    pub(super) trouble: Option<Trouble>,
    /// What people should hear of.
    pub(super) warnings: Vec<String>,
}

impl State {
    /// Notes a trouble. The first one that lasts is a warning, and ends all questions.
    pub(super) fn note(&mut self, trouble: &Trouble, url: &str) {
        if trouble.lasts() && self.trouble.is_none() {
            self.trouble = Some(trouble.clone());
            self.warnings.push(format!("the remote {url} cannot be used: {trouble}"));
        }
    }

    /// The remote has this record, which is that of the store here, and so its objects.
    pub(super) fn has(&mut self, record: &ActionRecord) {
        self.keys.insert(record.key, true);
        self.same.insert(record.key);
        for digest in record.digests() {
            if !self.wrong.contains(&digest) {
                self.objects.insert(digest, true);
            }
        }
    }
}
