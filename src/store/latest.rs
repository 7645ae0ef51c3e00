//! The latest key of each stage of each pipeline: "why does it run?" compares the new key with it.
//!
//! One tiny file for each stage, so there is no index to maintain: the key, and for people the names of pipeline and
//! stage. A lost file costs an explanation, and its result may be collected before the next run writes it again. So
//! these files are neither locked nor sealed.
//!
//! At most once a day, this also sets the `mtime` of the key's record to now: `gc --older-than` goes by the last use
//! of a result.

use std::{path::Path, time::Duration};

use super::{
    ActionRecord, Result, Store,
    read::{FileRead, read_file},
    survey::Latest,
};
use crate::{
    digest::Digest,
    fsx::{self, now_ns},
};

/// How exactly the last use of a result is known.
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Notes that a stage of a pipeline now has this key, whether it ran or was a hit. Usually costs one stat or read.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_latest(&self, pipeline: &str, stage: &str, key: &Digest) -> Result<()> {
        let (id, path) = self.layout.latest_of(pipeline, stage);
        if let Some((noted, mtime_ns)) = self.noted(&id, &path)?
            && noted == *key
            // Also true for the near future, in case the clock was set back.
            && u128::from(now_ns().abs_diff(mtime_ns)) < DAY.as_nanos()
        {
            return Ok(());
        }
        // This fails if the record is gone or belongs to another user.
        let _ = fsx::touch(&self.layout.record(key));
        let line = |name: &str| name.replace(['\n', '\r'], " ");
        let text = format!("{key}\n{}\n{}\n", line(pipeline), line(stage));
        self.layout.write(&path, text.as_bytes())
    }

    /// The key in such a file, and the file's `mtime`. Reads the file only if it changed since the last run.
    fn noted(&self, id: &Digest, path: &Path) -> Result<Option<(Digest, i64)>> {
        if self.recall.is_open()
            && let Some(seen) = fsx::stat(path).ok().flatten()
            && let Some(key) = self.recall.get(id, &seen, |bytes| postcard::from_bytes(bytes).ok())
        {
            return Ok(Some((key, seen.mtime_ns)));
        }
        let FileRead::Bytes(seen, bytes) = read_file(path)? else { return Ok(None) };
        let Some(key) = key_in(&bytes) else { return Ok(None) };
        self.recall.learn(*id, seen, || key.as_bytes().to_vec());
        Ok(Some((key, seen.mtime_ns)))
    }

    /// The latest record of this stage of this pipeline, if it still exists.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn previous(&self, pipeline: &str, stage: &str) -> Result<Option<ActionRecord>> {
        match self.latest_key(pipeline, stage)? {
            Some(key) => Ok(self.record(&key)?.found()),
            None => Ok(None),
        }
    }

    /// The latest key of this stage of this pipeline, whether or not its record still exists.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn latest_key(&self, pipeline: &str, stage: &str) -> Result<Option<Digest>> {
        let (_, path) = self.layout.latest_of(pipeline, stage);
        Ok(read_file(&path)?.bytes().and_then(|bytes| key_in(&bytes)))
    }

    /// The latest keys of all stages of all pipelines.
    pub(super) fn all_latest(&self) -> Result<Vec<Latest>> {
        let mut all = Vec::new();
        for name in fsx::list(&self.layout.latest)? {
            let path = self.layout.latest.join(name);
            let Some(bytes) = read_file(&path)?.bytes() else { continue };
            let Some(key) = key_in(&bytes) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let mut names = text.lines().skip(1).map(str::to_owned);
            all.push(Latest { path, key, names: names.next().zip(names.next()) });
        }
        Ok(all)
    }
}

pub(super) fn key_in(bytes: &[u8]) -> Option<Digest> {
    std::str::from_utf8(bytes).ok()?.lines().next()?.trim().parse().ok()
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

        let path = store.layout.latest_of("full", "train.base").1;
        let before = fsx::stat(&path).unwrap();
        store.note_latest("full", "train.base", &four.key).unwrap();
        assert_eq!(fsx::stat(&path).unwrap(), before, "nothing new, nothing written");
        fs::write(&path, [0xff, 0]).unwrap();
        assert_eq!(store.previous("full", "train.base").unwrap(), None, "a damaged pointer is none");
    }
}
