//! Everything that a store contains, found in one walk. Verifying, counting and collecting work on this.
//!
//! Reads all records, but only the sizes of objects. Linear in their number, on all cores. A second walk reads only
//! the records that changed since the first.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ActionRecord, Provenance, Result, Store,
    read::{FileRead, files, key_of, read_file},
    records::{Parsed, parse},
};
use crate::{
    digest::Digest,
    fsx::{self, StatTuple},
};

/// What a store contains.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The results, by key.
    pub(super) results: BTreeMap<Digest, Entry>,
    /// The objects, with their sizes.
    pub(super) objects: HashMap<Digest, u64>,
    /// The latest key of each stage of each pipeline.
    pub(super) latest: Vec<Latest>,
}

/// The file of one record.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its `mtime` is the last use of the result, to within a day.
    pub(super) stat: StatTuple,
    /// Shared by both walks.
    pub(super) content: Arc<Content>,
}

/// The content of a record's file.
#[derive(Debug)]
pub(super) enum Content {
    /// A result, without its fingerprint and provenance, which take the most memory.
    Result(Box<ActionRecord>),
    /// A record of another version: all digests in its text, so that nothing that it needs is collected.
    Foreign(Vec<Digest>),
    /// A damaged record, and what is wrong with it.
    Damaged(String),
}

/// The latest key of a stage of a pipeline.
#[derive(Clone, Debug)]
pub(super) struct Latest {
    pub(super) path: PathBuf,
    pub(super) key: Digest,
    /// The pipeline and the stage; `None` if an earlier version wrote the file.
    pub(super) names: Option<(String, String)>,
}

impl Entry {
    /// The digests of all objects that the record names.
    pub(super) fn digests(&self) -> Vec<Digest> {
        match &*self.content {
            Content::Result(record) => record.digests().collect(),
            Content::Foreign(digests) => digests.clone(),
            Content::Damaged(_) => Vec::new(),
        }
    }
}

impl Survey {
    /// Walks through a store. `before` is an earlier survey of it.
    pub(super) fn of(store: &Store, before: &Self) -> Result<Self> {
        let results = files(&store.layout.actions, |path, name| result(path, name, before))?;
        let objects = files(&store.layout.objects, |path, name| {
            let Ok(digest) = name.parse::<Digest>() else { return Ok(None) };
            Ok(fsx::stat_link(path)?.map(|stat| (digest, stat.size)))
        })?;
        Ok(Self {
            results: results.into_iter().collect(),
            objects: objects.into_iter().collect(),
            latest: store.all_latest()?,
        })
    }

    /// The objects that are packed folders.
    pub(super) fn packed(&self) -> HashSet<Digest> {
        let records = self.results.values().filter_map(|entry| match &*entry.content {
            Content::Result(record) => Some(record),
            Content::Foreign(_) | Content::Damaged(_) => None,
        });
        let artifacts = records.flat_map(|record| record.artifacts.values());
        artifacts.filter(|artifact| artifact.is_folder()).map(|artifact| artifact.digest).collect()
    }
}

fn result(path: &Path, name: &str, before: &Survey) -> Result<Option<(Digest, Entry)>> {
    let Some(key) = key_of(name) else { return Ok(None) };
    let Some(stat) = fsx::stat_there(path)? else { return Ok(None) };
    if let Some(entry) = before.results.get(&key).filter(|entry| entry.stat == stat) {
        return Ok(Some((key, entry.clone())));
    }
    Ok(content(path, &key)?.map(|content| (key, Entry { stat, content: Arc::new(content) })))
}

/// `None` if the record was removed since the folder was listed.
fn content(path: &Path, key: &Digest) -> Result<Option<Content>> {
    let bytes = match read_file(path)? {
        FileRead::Bytes(_, bytes) => bytes,
        FileRead::Absent => return Ok(None),
        FileRead::Unreadable(what) => return Ok(Some(Content::Damaged(what))),
    };
    Ok(Some(match parse(&bytes, key) {
        Parsed::Record(mut record) => {
            record.lines.clear();
            record.made = Provenance::default();
            Content::Result(record)
        }
        Parsed::Foreign => Content::Foreign(digests_in(&bytes)),
        Parsed::Damaged(what) => Content::Damaged(what.to_owned()),
    }))
}

/// Everything in a text that looks like a digest.
fn digests_in(bytes: &[u8]) -> Vec<Digest> {
    let text = String::from_utf8_lossy(bytes);
    text.split(|letter: char| !letter.is_ascii_hexdigit()).filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{seal, testing::Case};

    #[test]
    fn a_survey_finds_all_and_a_second_one_takes_what_is_unchanged() {
        let case = Case::new();
        let record = case.record(&["one", "two"]);
        case.store.note_latest("full", "train.base", &record.key).unwrap();
        let survey = Survey::of(&case.store, &Survey::default()).unwrap();
        assert_eq!(survey.objects.len(), 2);
        assert_eq!(survey.results[&record.key].digests().len(), 2);
        assert_eq!(survey.latest[0].names, Some(("full".to_owned(), "train.base".to_owned())));
        let again = Survey::of(&case.store, &survey).unwrap();
        assert_eq!(again.results[&record.key].digests(), survey.results[&record.key].digests());
        let nothing = Survey::of(&Case::new().store, &Survey::default()).unwrap();
        assert!(nothing.results.is_empty() && nothing.objects.is_empty());
    }

    #[test]
    fn the_objects_of_a_record_of_another_version_are_found_in_its_text() {
        let case = Case::new();
        let (key, object) = (Digest::of(b"key"), Digest::of(b"object"));
        let text = seal::close(&format!("{{\"format\": 9, \"parts\": [\"{object}\"]}}"));
        case.store.layout.write(&case.store.layout.record(&key), text.as_bytes()).unwrap();
        let survey = Survey::of(&case.store, &Survey::default()).unwrap();
        assert!(survey.results[&key].digests().contains(&object));
    }
}
