//! The key that a stage of a pipeline had last: what "why does it run?" compares the new one with.
//!
//! One tiny file per stage, so that no index must be kept right. Losing one costs an explanation, nothing
//! else; that is why nobody locks or seals it.

use super::{ActionRecord, Result, Store};
use crate::{digest::Digest, fsx};

impl Store {
    /// Notes that a stage of a pipeline now has that key, whether it ran or was a hit. Costs one read where
    /// that is known already.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_latest(&self, pipeline: &str, stage: &str, key: &Digest) -> Result<()> {
        if self.latest_key(pipeline, stage)? == Some(*key) {
            return Ok(());
        }
        self.layout.write(&self.layout.latest(pipeline, stage), format!("{key}\n").as_bytes())
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
        let bytes = fsx::read_if_there(&self.layout.latest(pipeline, stage))?;
        Ok(bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok()))
    }
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

        let path = store.layout.latest("full", "train.base");
        let before = fsx::stat(&path).unwrap();
        store.note_latest("full", "train.base", &four.key).unwrap();
        assert_eq!(fsx::stat(&path).unwrap(), before, "nothing new, nothing written");
        fs::write(&path, [0xff, 0]).unwrap();
        assert_eq!(store.previous("full", "train.base").unwrap(), None, "a damaged pointer is none");
    }
}
