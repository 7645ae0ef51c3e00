//! Searches the fingerprints of all results. Only runs in which something changed need that.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{RECORD_FORMAT, Store, seal};
use crate::fsx;

/// The part of a record that is searched.
#[derive(serde::Deserialize)]
struct Lines {
    format: u32,
    lines: BTreeMap<String, String>,
}

impl Store {
    /// What `look` finds in the lines of the sound records. Reads all records, on all cores, and skips those that
    /// cannot be read.
    pub fn search<T: Send>(&self, look: impl Fn(&BTreeMap<String, String>) -> Option<T> + Sync) -> Vec<T> {
        let keys = self.keys().unwrap_or_default();
        let found = keys.par_iter().filter_map(|key| {
            let bytes = fsx::read_if_there(&self.layout.record(key)).ok()??;
            let read: Lines = serde_json::from_str(seal::open(&bytes)?).ok()?;
            look(&read.lines).filter(|_| read.format == RECORD_FORMAT)
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::store::{Existing, record::examples, testing::Case};

    #[test]
    fn all_sound_records_are_found_and_a_damaged_one_stays_where_it_is() {
        let case = Case::new();
        let [sound, damaged] = ["one", "two"].map(|key| examples::record(key, "train.base"));
        for record in [&sound, &damaged] {
            case.store.commit(record.clone(), Existing::Keep).unwrap();
        }
        let path = case.store.layout.record(&damaged.key);
        fs::write(&path, "cut").unwrap();
        assert_eq!(case.store.search(|lines| Some(lines.clone())), [sound.lines]);
        assert_eq!(case.store.search(|_| None::<()>), []);
        assert!(path.exists());
    }
}
