//! The key that a stage of a pipeline had last: what "why does it run?" compares the new one with.
//!
//! One tiny file per stage, so that no index must be kept right: the key, and for people the names of
//! pipeline and stage. Losing one costs an explanation, and may cost the result should that be collected before
//! the next run, which writes it anew; nothing else, and that is why nobody locks or seals it.
//!
//! With it, at most once a day, goes the time at which the key's record was used last (the `mtime` of the
//! record's file): what is collected as old is what nobody used, not what was made long ago.

use std::{path::Path, time::Duration};

use super::{ActionRecord, Result, Store, layout::Layout, survey::Latest};
use crate::{
    digest::Digest,
    fsx::{self, now_ns},
};

/// How exactly the last use of a result is known.
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Notes that a stage of a pipeline now has that key, whether it ran or was a hit. Costs one look where
    /// that is remembered, and one read where it is known already.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_latest(&self, pipeline: &str, stage: &str, key: &Digest) -> Result<()> {
        let id = Layout::latest_id(pipeline, stage);
        if let Some((noted, mtime_ns)) = self.noted(&id)?
            && noted == *key
            && is_of_today(mtime_ns)
        {
            return Ok(());
        }
        // A record that is gone or may not be touched was not used either.
        let _ = fsx::touch(&self.layout.record(key));
        let line = |name: &str| name.replace(['\n', '\r'], " ");
        let text = format!("{key}\n{}\n{}\n", line(pipeline), line(stage));
        self.layout.write(&self.layout.latest(&id), text.as_bytes())
    }

    /// The key in such a file, and when that was written; read only if the file has changed since that was
    /// remembered.
    fn noted(&self, id: &Digest) -> Result<Option<(Digest, i64)>> {
        let path = self.layout.latest(id);
        if self.recall.is_wanted()
            && let Some(seen) = fsx::stat(&path).ok().flatten()
            && let Some(key) = self.recall.get(id, &seen, |bytes| postcard::from_bytes(bytes).ok())
        {
            return Ok(Some((key, seen.mtime_ns)));
        }
        let Some((seen, bytes)) = read(&path)? else { return Ok(None) };
        let Some(key) = key_in(&bytes) else { return Ok(None) };
        if self.recall.is_wanted()
            && let Ok(bytes) = postcard::to_stdvec(&key)
        {
            self.recall.learn(*id, seen, bytes);
        }
        Ok(Some((key, seen.mtime_ns)))
    }

    /// The record that this stage of this pipeline had last, if it is still there.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn previous(&self, pipeline: &str, stage: &str) -> Result<Option<ActionRecord>> {
        match self.latest_key(pipeline, stage)? {
            Some(key) => Ok(self.record(&key)?.found()),
            None => Ok(None),
        }
    }

    /// The key that this stage of this pipeline had last, whether or not its record is still there.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn latest_key(&self, pipeline: &str, stage: &str) -> Result<Option<Digest>> {
        let read = read(&self.layout.latest(&Layout::latest_id(pipeline, stage)))?;
        Ok(read.and_then(|(_, bytes)| key_in(&bytes)))
    }

    /// What every stage of every pipeline had last.
    pub(super) fn all_latest(&self) -> Result<Vec<Latest>> {
        let folder = self.layout.all_latest();
        let mut all = Vec::new();
        for name in fsx::list(&folder)? {
            let path = folder.join(name);
            let Some((_, bytes)) = read(&path)? else { continue };
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            let mut lines = text.lines();
            let Some(key) = lines.next().and_then(|line| line.trim().parse().ok()) else { continue };
            let names = lines.next().zip(lines.next()).map(|(a, b)| (a.to_owned(), b.to_owned()));
            all.push(Latest { path, key, names });
        }
        Ok(all)
    }
}

/// The bytes of such a file; `None` also where something else stands in its place, which the next run replaces.
fn read(path: &Path) -> Result<Option<(fsx::StatTuple, Vec<u8>)>> {
    match fsx::read_with_stat(path) {
        Err(error) if error.kind().is_the_files_own() => Ok(None),
        read => Ok(read?),
    }
}

pub(super) fn key_in(bytes: &[u8]) -> Option<Digest> {
    std::str::from_utf8(bytes).ok()?.lines().next()?.trim().parse().ok()
}

/// Whether a file was written within a day of now; a clock that was set back must not stop the noting.
fn is_of_today(mtime_ns: i64) -> bool {
    u128::from(now_ns().abs_diff(mtime_ns)) < DAY.as_nanos()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::record::examples, *};
    use crate::store::{Existing, Options};

    #[test]
    fn a_stage_of_a_pipeline_finds_its_last_record_and_only_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default()).unwrap();
        assert_eq!(store.previous("full", "train.base").unwrap(), None);
        let (four, eight) = (examples::record("4", "train.base"), examples::record("8", "train.base"));
        for record in [&four, &eight, &four] {
            store.commit(record.clone(), Existing::Keep).unwrap();
            store.note_latest("full", "train.base", &record.key).unwrap();
        }
        assert_eq!(store.previous("full", "train.base").unwrap(), Some(four.clone()), "a hit counts as well");
        assert_eq!(store.previous("full", "train.other").unwrap(), None);
        assert_eq!(store.previous("mini", "train.base").unwrap(), None);

        let path = store.layout.latest(&Layout::latest_id("full", "train.base"));
        let before = fsx::stat(&path).unwrap();
        store.note_latest("full", "train.base", &four.key).unwrap();
        assert_eq!(fsx::stat(&path).unwrap(), before, "nothing new, nothing written");
        fs::write(&path, [0xff, 0]).unwrap();
        assert_eq!(store.previous("full", "train.base").unwrap(), None, "a damaged pointer is none");
    }
}
