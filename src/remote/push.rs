//! Pushes results to a remote store: objects first, the record last. The first record of a key stays.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    Remote,
    client::{Answer, Client, Moved},
    each::each,
    names, wire,
};
use crate::{
    digest::Digest,
    store::{ActionRecord, Existing, Store},
};

/// How many results are pushed at once: most are small, and wait for answers.
pub const RESULTS_AT_ONCE: usize = 16;

/// How many objects of a result are uploaded at once.
const AT_ONCE: usize = 4;

/// What became of a result that was to be pushed.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// It is the key's first result there.
    New,
    /// The remote had it.
    There,
    /// The remote has another result of the key, which stays.
    Other,
    /// Bytes of it are neither here nor there.
    Incomplete,
}

impl Remote {
    /// Pushes a result. With [`Existing::Replace`], it replaces another one of the key; one that is known to be wrong is
    /// always replaced. `moved` is called from several threads; false stops.
    ///
    /// # Errors
    /// Why it could not be pushed.
    pub fn push(
        &self,
        store: &Store,
        record: &ActionRecord,
        existing: Existing,
        moved: Moved<'_>,
    ) -> Answer<Pushed> {
        if let Some(trouble) = self.trouble() {
            return Err(trouble);
        }
        let pushed = self.client().and_then(|client| self.push_to(client, store, record, existing, moved));
        pushed.map_err(|trouble| self.note(trouble))
    }

    fn push_to(
        &self,
        client: &dyn Client,
        store: &Store,
        record: &ActionRecord,
        existing: Existing,
        moved: Moved<'_>,
    ) -> Answer<Pushed> {
        let missing = self.missing(client, record)?;
        if !missing.iter().all(|(digest, _)| is_sound(store, record, digest)) {
            return Ok(Pushed::Incomplete);
        }
        upload(client, store, &missing, moved)?;
        let is_wrong = missing.iter().any(|(digest, _)| self.state().wrong.remove(digest))
            || self.state().wrong.remove(&record.key);
        let existing = if is_wrong { Existing::Replace } else { existing };
        let text = record.clone().portable().sealed();
        let is_new = client.write(&names::record(&record.key), text.into_bytes(), existing)?;
        let pushed = if is_new {
            // A collection may have removed an old object that was there before the record was.
            let any_old = missing.len() < record.digests().collect::<HashSet<_>>().len();
            let gone = if any_old { self.missing(client, record)? } else { Vec::new() };
            upload(client, store, &gone, moved)?;
            Pushed::New
        } else {
            self.beside(client, record)?
        };
        match pushed {
            Pushed::Other => drop(self.state().same.remove(&record.key)),
            _ => self.state().has(record),
        }
        Ok(pushed)
    }

    /// The objects of a result that the remote lacks, or has wrong, with their sizes.
    fn missing(&self, client: &dyn Client, record: &ActionRecord) -> Answer<Vec<(Digest, u64)>> {
        let artifacts = record.artifacts.values().map(|artifact| (artifact.digest, Some(artifact.size)));
        let mut objects: Vec<(Digest, Option<u64>)> =
            artifacts.chain(record.log.map(|log| (log, None))).collect();
        objects.sort_unstable();
        objects.dedup_by_key(|(digest, _)| *digest);
        let names: Vec<String> = objects.iter().map(|(digest, _)| names::object(digest)).collect();
        let sizes: Vec<Option<u64>> = client.sizes(&names).into_iter().collect::<Answer<_>>()?;
        let state = self.state();
        let missing = objects.into_iter().zip(sizes).filter(|((digest, size), there)| {
            let is_there = there.is_some_and(|there| size.is_none_or(|size| size == there));
            !is_there || state.wrong.contains(digest)
        });
        Ok(missing.map(|((digest, size), _)| (digest, size.unwrap_or_default())).collect())
    }

    /// Compares a record with the one that the remote has under the same key. If bytes of that result are missing or
    /// damaged there, it is replaced.
    fn beside(&self, client: &dyn Client, record: &ActionRecord) -> Answer<Pushed> {
        let name = names::record(&record.key);
        let read = client.read(std::slice::from_ref(&name)).pop().unwrap_or(Ok(None))?;
        let there = read.and_then(|bytes| wire::record(&bytes, &record.key).ok().flatten());
        let digests = |record: &ActionRecord| -> Vec<(String, Digest)> {
            record.artifacts.iter().map(|(name, artifact)| (name.clone(), artifact.digest)).collect()
        };
        match there {
            Some(there) if digests(&there) == digests(record) => return Ok(Pushed::There),
            Some(there) if self.missing(client, &there)?.is_empty() => return Ok(Pushed::Other),
            Some(_) | None => {}
        }
        let text = record.clone().portable().sealed();
        client.write(&name, text.into_bytes(), Existing::Replace)?;
        Ok(Pushed::New)
    }

    /// Writes a bundle of records, under each of these names.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn write_bundles(&self, ids: &[Digest], records: &[ActionRecord]) -> Answer<()> {
        if let Some(trouble) = self.trouble() {
            return Err(trouble);
        }
        let bundle = wire::bundle(records);
        for id in ids {
            let written = self.client().and_then(|client| {
                client.write(&names::bundle(id), bundle.clone(), Existing::Replace).map(drop)
            });
            written.map_err(|trouble| self.note(trouble))?;
        }
        Ok(())
    }
}

/// Whether the bytes of one of a record's objects are here and right.
fn is_sound(store: &Store, record: &ActionRecord, digest: &Digest) -> bool {
    match record.artifacts.values().find(|artifact| artifact.digest == *digest) {
        Some(artifact) => store.check(record, artifact).is_ok_and(|check| check.is_here()),
        None => store.has(digest),
    }
}

/// Uploads objects, several at once. The first trouble ends it.
fn upload(client: &dyn Client, store: &Store, objects: &[(Digest, u64)], moved: Moved<'_>) -> Answer<()> {
    let failed = AtomicBool::new(false);
    let moved = |bytes: u64| moved(bytes) && !failed.load(Ordering::Relaxed);
    let uploaded = each(objects, AT_ONCE, |(digest, _)| {
        if failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let uploaded = client.upload(&names::object(digest), store.lend(digest).path(), &moved);
        // Those that are under way end because of this one: only its trouble counts.
        uploaded.or_else(|trouble| if failed.swap(true, Ordering::Relaxed) { Ok(()) } else { Err(trouble) })
    });
    uploaded.into_iter().collect()
}
