//! All that a store holds, in one walk: what verifying, counting and collecting work on.
//!
//! Reads records, and of objects no more than their sizes. Linear in their number, on all cores. A second
//! walk takes from the first what did not change in between, so that little is read where time counts.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    ActionRecord, Result, Store,
    layout::Layout,
    records::{Parsed, parse},
};
use crate::{
    digest::Digest,
    fsx::{self, StatTuple},
};

/// What a store holds.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The results, by key.
    pub(super) results: BTreeMap<Digest, Entry>,
    /// The objects, with their sizes.
    pub(super) objects: HashMap<Digest, u64>,
    /// What the stages of pipelines had last.
    pub(super) latest: Vec<Latest>,
}

/// The file of one record.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The file's; its `mtime` is when the result was used last, to within a day.
    pub(super) stat: StatTuple,
    /// Shared, so that a second survey takes it over for next to nothing.
    pub(super) content: Arc<Content>,
}

/// What is in the file of a record.
#[derive(Debug)]
pub(super) enum Content {
    /// A result.
    Result(Facts),
    /// A record of another version: every digest that it names, so that nothing of it is taken for garbage.
    Foreign(Vec<Digest>),
    /// No sound record: why.
    Damaged(String),
}

/// What counts of a record here.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) stage: String,
    pub(super) kind: String,
    pub(super) home: Option<String>,
    pub(super) artifacts: Vec<Part>,
    pub(super) log: Option<Digest>,
}

/// One artifact of a result.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) digest: Digest,
    pub(super) stat: Option<StatTuple>,
    /// Whether its object is a packed folder.
    pub(super) packed: bool,
}

/// What a stage of a pipeline had last.
#[derive(Clone, Debug)]
pub(super) struct Latest {
    pub(super) path: PathBuf,
    pub(super) key: Digest,
    /// The pipeline and the stage; `None` if an earlier version noted it.
    pub(super) names: Option<(String, String)>,
}

impl Entry {
    /// The digests of all objects that the record names.
    pub(super) fn digests(&self) -> Vec<Digest> {
        match &*self.content {
            Content::Result(facts) => {
                facts.artifacts.iter().map(|part| part.digest).chain(facts.log).collect()
            }
            Content::Foreign(digests) => digests.clone(),
            Content::Damaged(_) => Vec::new(),
        }
    }
}

impl Survey {
    /// The objects that are packed folders.
    pub(super) fn packed(&self) -> HashSet<Digest> {
        let results = self.results.values().filter_map(|entry| match &*entry.content {
            Content::Result(facts) => Some(&facts.artifacts),
            Content::Foreign(_) | Content::Damaged(_) => None,
        });
        results.flatten().filter(|part| part.packed).map(|part| part.digest).collect()
    }

    /// Walks through a store. `before` is an earlier survey of it.
    pub(super) fn of(store: &Store, before: &Self) -> Result<Self> {
        let layout = &store.layout;
        let results = files(&layout.actions(), |path, name| result(layout, path, name, before))?;
        let objects = files(&layout.objects(), |path, name| {
            let Ok(digest) = name.parse::<Digest>() else { return Ok(None) };
            Ok(fsx::stat_link(path)?.map(|stat| (digest, stat.size)))
        })?;
        Ok(Self {
            results: results.into_iter().collect(),
            objects: objects.into_iter().collect(),
            latest: store.all_latest()?,
        })
    }
}

/// What `look` makes of every file in the folders of a folder.
fn files<T: Send>(folder: &Path, look: impl Fn(&Path, &str) -> Result<Option<T>> + Sync) -> Result<Vec<T>> {
    let names = fsx::list(folder)?;
    let looked = names.into_par_iter().map(|name| {
        let inner = folder.join(name);
        // What is no folder is nothing of ours.
        let names = if inner.is_dir() { fsx::list(&inner)? } else { Vec::new() };
        let looked = names.iter().map(|name| look(&inner.join(name), &name.to_string_lossy()));
        looked.filter_map(Result::transpose).collect::<Result<Vec<T>>>()
    });
    Ok(looked.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn result(layout: &Layout, path: &Path, name: &str, before: &Survey) -> Result<Option<(Digest, Entry)>> {
    let Some(key) = name.strip_suffix(".json").and_then(|name| name.parse::<Digest>().ok()) else {
        return Ok(None);
    };
    let Some(stat) = fsx::stat_there(path)? else { return Ok(None) };
    if let Some(entry) = before.results.get(&key).filter(|entry| entry.stat == stat) {
        return Ok(Some((key, entry.clone())));
    }
    debug_assert_eq!(path, layout.record(&key));
    Ok(content(path, &key)?.map(|content| (key, Entry { stat, content: Arc::new(content) })))
}

/// `None` if the record was removed since the folder was listed.
fn content(path: &Path, key: &Digest) -> Result<Option<Content>> {
    let bytes = match fsx::read_if_there(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(fsx::oddity(path).map(|what| Content::Damaged(what.to_owned()))),
        Err(error) if error.kind().is_the_files_own() => return Ok(Some(Content::Damaged(error.words()))),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(match parse(&bytes, key) {
        Parsed::Record(record) => Content::Result(facts(*record)),
        Parsed::Foreign => Content::Foreign(digests_in(&bytes)),
        Parsed::Damaged(what) => Content::Damaged(what.to_owned()),
    }))
}

fn facts(record: ActionRecord) -> Facts {
    let part = |(name, artifact): (String, super::StoredArtifact)| Part {
        name,
        digest: artifact.digest,
        stat: artifact.stat,
        packed: artifact.is_folder(),
    };
    Facts {
        stage: record.stage,
        kind: record.kind,
        home: record.home,
        artifacts: record.artifacts.into_iter().map(part).collect(),
        log: record.log,
    }
}

/// Everything in a text that looks like a digest.
fn digests_in(bytes: &[u8]) -> Vec<Digest> {
    let text = String::from_utf8_lossy(bytes);
    text.split(|letter: char| !letter.is_ascii_hexdigit()).filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{case::Case, seal};

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
