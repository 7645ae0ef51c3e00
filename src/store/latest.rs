//! The key that a stage of a pipeline had last: what "why does it run?" compares the new one with.
//!
//! One tiny file per stage, so that no index must be kept right: the key, and for people the names of
//! pipeline and stage. Losing one costs an explanation, nothing else; that is why nobody locks or seals it.
//!
//! With it, at most once a day, goes the time at which the key's record was used last (the `mtime` of the
//! record's file): what is collected as old is what nobody used, not what was made long ago.

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ActionRecord, Result, Store, layout::Layout, sources::now_ns, survey::Latest};
use crate::{digest::Digest, fsx};

/// How exactly the last use of a result is known.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What stands in such a file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Noted {
    key: Digest,
    /// When it was written.
    mtime_ns: i64,
}

impl Store {
    /// Notes that a stage of a pipeline now has that key, whether it ran or was a hit. Costs nothing where that
    /// is remembered, and one read where it is known already.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_latest(&self, pipeline: &str, stage: &str, key: &Digest) -> Result<()> {
        let id = Layout::latest_id(pipeline, stage);
        if let Some(noted) = self.noted(&id)?
            && noted.key == *key
            && is_of_today(noted.mtime_ns)
        {
            return Ok(());
        }
        // A record that is gone or may not be touched was not used either.
        let _ = fsx::touch(&self.layout.record(key));
        let line = |name: &str| name.replace(['\n', '\r'], " ");
        let text = format!("{key}\n{}\n{}\n", line(pipeline), line(stage));
        self.layout.write(&self.layout.latest(&id), text.as_bytes())?;
        // For the rest of this run alone: the folder has changed, and the next one looks.
        self.learn_noted(&id, Noted { key: *key, mtime_ns: now_ns() });
        Ok(())
    }

    /// What stands in such a file; read only if anything in its folder has changed since that was remembered:
    /// files there are only ever replaced, which shows in the folder's own stat tuple.
    fn noted(&self, id: &Digest) -> Result<Option<Noted>> {
        if let Some(folder) = self.recall.latest()
            && let Some(noted) = self.recall.get(id, &folder, |bytes| postcard::from_bytes(bytes).ok())
        {
            return Ok(Some(noted));
        }
        let Some((stat, bytes)) = read(&self.layout.latest(id))? else { return Ok(None) };
        let noted = key_in(&bytes).map(|key| Noted { key, mtime_ns: stat.mtime_ns });
        if let Some(noted) = noted {
            self.learn_noted(id, noted);
        }
        Ok(noted)
    }

    fn learn_noted(&self, id: &Digest, noted: Noted) {
        if let (Some(folder), Ok(bytes)) = (self.recall.latest(), postcard::to_stdvec(&noted)) {
            self.recall.learn(*id, folder, bytes);
        }
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
