//! Looks up records and objects in a remote store: many at once, and nothing twice.

use super::{
    Remote,
    client::{Answer, Trouble},
    names, wire,
};
use crate::{
    digest::Digest,
    store::{ActionRecord, Store},
};

impl Remote {
    /// Fetches bundles of records, all at once. What they hold is found without another request from then on.
    pub fn read_bundles(&self, ids: &[Digest], store: &Store) {
        let names: Vec<String> = ids.iter().map(names::bundle).collect();
        for (id, answer) in ids.iter().zip(self.ask(|client| client.read(&names), names.len())) {
            let Ok(Some(bytes)) = answer else { continue };
            match wire::unbundle(&bytes) {
                Ok((records, wrong)) => {
                    let mut state = self.state();
                    state.bundled.extend(records.into_iter().map(|record| (record.key, record)));
                    drop(state);
                    wrong.iter().for_each(|what| self.warn_of("a record in a bundle", what, None));
                }
                // Without it, the records are asked for one by one.
                Err(what) => {
                    let aside = store.put_aside(&format!("remote-bundle-{}", id.short()), &bytes);
                    self.warn_of("a bundle of records", &what, aside.as_deref());
                }
            }
        }
    }

    /// The record of a key that a bundle had, once.
    #[must_use]
    pub fn bundled(&self, key: &Digest) -> Option<ActionRecord> {
        let mut state = self.state();
        let record = state.bundled.remove(key)?;
        state.has(&record);
        Some(record)
    }

    /// Whether a key need not be asked for: the answer is known, or nothing can be asked.
    #[must_use]
    pub fn knows(&self, key: &Digest) -> bool {
        let state = self.state();
        state.trouble.is_some() || state.keys.contains_key(key)
    }

    /// Whether the remote has a record of this key, as far as is known.
    #[must_use]
    pub fn has_record(&self, key: &Digest) -> bool {
        let state = self.state();
        state.bundled.contains_key(key) || state.keys.get(key).copied().unwrap_or_default()
    }

    /// Whether the remote has the same result of this key as the store here, as far as is known.
    #[must_use]
    pub fn has_same(&self, key: &Digest) -> bool {
        self.state().same.contains(key)
    }

    /// The records of these keys that the remote has, all asked for at once. Wrong ones are put aside.
    pub fn look_up(&self, keys: &[Digest], store: &Store) -> Vec<ActionRecord> {
        let names: Vec<String> = keys.iter().map(names::record).collect();
        let answers = self.ask(|client| client.read(&names), names.len());
        // Whatever the answer is: no key is asked for again.
        let mut state = self.state();
        for key in keys {
            state.keys.entry(*key).or_insert(false);
        }
        drop(state);
        let found = keys.iter().zip(answers).filter_map(|(key, answer)| self.found(key, answer.ok()?, store));
        found.collect()
    }

    fn found(&self, key: &Digest, bytes: Option<Vec<u8>>, store: &Store) -> Option<ActionRecord> {
        self.state().keys.insert(*key, false);
        let bytes = bytes?;
        match wire::record(&bytes, key) {
            Ok(record) => {
                let record = record?;
                self.state().has(&record);
                Some(record)
            }
            Err(what) => {
                self.state().wrong.insert(*key);
                let aside = store.put_aside(&format!("remote-{}.json", key.short()), &bytes);
                self.warn_of(&format!("the record {}", key.short()), &what, aside.as_deref());
                None
            }
        }
    }

    /// Finds out which of these keys have a record in the remote.
    pub fn find_records(&self, keys: &[Digest]) {
        let unknown: Vec<Digest> = keys.iter().filter(|key| !self.has_record(key)).copied().collect();
        let names: Vec<String> = unknown.iter().map(names::record).collect();
        let answers = self.ask(|client| client.sizes(&names), names.len());
        for (key, answer) in unknown.iter().zip(answers) {
            if let Ok(size) = answer {
                self.state().keys.insert(*key, size.is_some());
            }
        }
    }

    /// Finds out which of these objects the remote has. Those of records that were just found are known.
    pub fn find_objects(&self, digests: &[Digest]) {
        let unknown: Vec<Digest> = {
            let state = self.state();
            digests.iter().filter(|digest| !state.objects.contains_key(digest)).copied().collect()
        };
        let names: Vec<String> = unknown.iter().map(names::object).collect();
        let answers = self.ask(|client| client.sizes(&names), names.len());
        for (digest, answer) in unknown.iter().zip(answers) {
            if let Ok(size) = answer {
                self.state().objects.insert(*digest, size.is_some());
            }
        }
    }

    /// Whether the remote has an object, as far as is known.
    #[must_use]
    pub fn has_object(&self, digest: &Digest) -> bool {
        let state = self.state();
        state.trouble.is_none() && state.objects.get(digest).copied().unwrap_or_default()
    }

    /// Asks, unless nothing can be asked. Notes the troubles.
    fn ask<T>(
        &self,
        question: impl FnOnce(&dyn super::client::Client) -> Vec<Answer<T>>,
        count: usize,
    ) -> Vec<Answer<T>> {
        if count == 0 || self.trouble().is_some() {
            return Vec::new();
        }
        let answers = match self.client() {
            Ok(client) => question(client),
            Err(trouble) => vec![Err(trouble)],
        };
        for trouble in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            self.note(Trouble::clone(trouble));
        }
        answers
    }

    /// A record of the remote turned out to be wrong.
    pub fn reject(&self, record: &ActionRecord, why: &str) {
        let mut state = self.state();
        state.wrong.insert(record.key);
        state.same.remove(&record.key);
        drop(state);
        self.warn_of(&format!("the record of `{}`", record.stage), why, None);
    }

    fn warn_of(&self, what: &str, why: &str, aside: Option<&std::path::Path>) {
        let aside = aside.map(|path| format!("; it was put aside: {}", path.display())).unwrap_or_default();
        let text = format!("{what} in the remote is not used: {why}{aside}");
        self.state().warnings.push(text);
    }
}
