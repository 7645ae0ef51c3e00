//! `cache du`: what uses the space of a store, by kind of stage, by pipeline, by last use.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
    time::Duration,
};

use serde::Serialize;

use super::{
    Result, Store,
    collect::Removed as Amount,
    measure::{age, weight},
    survey::{Content, Entry, Survey},
};
use crate::{digest::Digest, fsx};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The groups of results by age, each with its upper limit.
const AGES: [(&str, Duration); 5] = [
    ("last day", DAY),
    ("last week", Duration::from_secs(7 * 24 * 3600)),
    ("last month", Duration::from_secs(30 * 24 * 3600)),
    ("last year", Duration::from_secs(365 * 24 * 3600)),
    ("before that", Duration::MAX),
];

/// What uses the space of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// All of it.
    pub bytes: u64,
    /// Results.
    pub results: usize,
    /// Objects; two results with the same bytes share one.
    pub objects: Amount,
    /// By kind of stage. An object that several results share counts for the first.
    pub kinds: Vec<Share>,
    /// By pipeline: the latest results of its stages. What pipelines share counts for each.
    pub pipelines: Vec<Share>,
    /// Results that are the latest of no stage, and the objects that only they need.
    pub superseded: Share,
    /// By last use of the results, to within a day.
    pub ages: Vec<Share>,
    /// Objects that no result needs: the next collection removes them.
    pub garbage: Amount,
    /// Partial work of unfinished stages.
    pub partial_work: Amount,
    /// What running stages write, and what dead ones left.
    pub staging: Amount,
    /// Damaged files.
    pub quarantine: Amount,
    /// Run records.
    pub runs: Amount,
    /// Records, remembered digests of sources, and other bookkeeping.
    pub records: u64,
}

/// A part of the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Share {
    /// What they have in common.
    pub name: String,
    /// Results.
    pub results: usize,
    /// Their objects.
    pub objects: usize,
    /// Bytes of the objects.
    pub bytes: u64,
}

impl Store {
    /// What uses the space.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn usage(&self) -> Result<Usage> {
        let survey = Survey::of(self, &Survey::default())?;
        let layout = &self.layout;
        let needed = survey.objects_of(survey.results.values());
        let garbage = survey.objects.iter().filter(|(digest, _)| !needed.contains(*digest));
        let mut usage = Usage {
            results: survey.results.len(),
            objects: amount(survey.objects.values().copied()),
            kinds: survey.by_name(kind_of),
            ages: survey.by_age(),
            pipelines: survey.by_pipeline(),
            superseded: survey.superseded(),
            garbage: amount(garbage.map(|(_, size)| *size)),
            partial_work: contents(&[&layout.work])?,
            staging: contents(&[&layout.staging, &layout.incoming])?,
            quarantine: contents(&[&layout.quarantine])?,
            runs: amount(self.runs()?.iter().map(|file| weight(&file.path).0)),
            records: survey.results.values().map(|entry| entry.stat.size).sum(),
            ..Usage::default()
        };
        for other in [&layout.latest, &layout.recall, &layout.tmp, &layout.leases, &layout.sources] {
            usage.records += weight(other).0;
        }
        let parts = [usage.objects, usage.partial_work, usage.staging, usage.quarantine, usage.runs];
        usage.bytes = parts.iter().map(|part| part.bytes).sum::<u64>() + usage.records;
        Ok(usage)
    }
}

fn kind_of(entry: &Entry) -> String {
    match &*entry.content {
        Content::Result(record) => record.kind.clone(),
        Content::Foreign(_) => "of another version".to_owned(),
        Content::Damaged(_) => "damaged".to_owned(),
    }
}

impl Survey {
    /// The existing objects of some results.
    fn objects_of<'e>(&self, entries: impl IntoIterator<Item = &'e Entry>) -> BTreeSet<Digest> {
        let digests = entries.into_iter().flat_map(Entry::digests);
        digests.filter(|digest| self.objects.contains_key(digest)).collect()
    }

    /// By a name of each result, the largest first. A shared object counts for the result that was used longest ago.
    fn by_name(&self, name: impl Fn(&Entry) -> String) -> Vec<Share> {
        let mut shares: BTreeMap<String, Share> = BTreeMap::new();
        let mut entries: Vec<&Entry> = self.results.values().collect();
        entries.sort_by_key(|entry| entry.stat.mtime_ns);
        let mut counted: HashSet<Digest> = HashSet::new();
        for entry in entries {
            let share = shares.entry(name(entry)).or_default();
            share.results += 1;
            for digest in self.objects_of([entry]) {
                if counted.insert(digest) {
                    share.objects += 1;
                    share.bytes += self.objects[&digest];
                }
            }
        }
        largest_first(shares.into_iter().map(|(name, share)| Share { name, ..share }))
    }

    fn by_age(&self) -> Vec<Share> {
        let group = |entry: &Entry| {
            let age = age(entry.stat.mtime_ns);
            AGES.iter().find(|(_, limit)| age < *limit).map_or("", |(name, _)| name).to_owned()
        };
        let mut shares = self.by_name(group);
        shares.sort_by_key(|share| AGES.iter().position(|(name, _)| *name == share.name));
        shares
    }

    fn by_pipeline(&self) -> Vec<Share> {
        let mut keys: BTreeMap<&str, BTreeSet<&Digest>> = BTreeMap::new();
        for latest in &self.latest {
            let pipeline =
                latest.names.as_ref().map_or("noted by an earlier version", |(pipeline, _)| pipeline);
            keys.entry(pipeline).or_default().insert(&latest.key);
        }
        let shares = keys.into_iter().map(|(name, keys)| {
            let entries = keys.into_iter().filter_map(|key| self.results.get(key)).collect();
            self.share(name, entries, &BTreeSet::new())
        });
        largest_first(shares.filter(|share| share.results > 0))
    }

    fn superseded(&self) -> Share {
        let latest: BTreeSet<Digest> = self.latest.iter().map(|latest| latest.key).collect();
        let (kept, other): (BTreeMap<&Digest, &Entry>, BTreeMap<&Digest, &Entry>) =
            self.results.iter().partition(|(key, _)| latest.contains(*key));
        let kept = self.objects_of(kept.into_values());
        self.share("superseded", other.into_values().collect(), &kept)
    }

    /// Some results and their objects, without the objects in `shared`.
    fn share(&self, name: &str, entries: Vec<&Entry>, shared: &BTreeSet<Digest>) -> Share {
        let results = entries.len();
        let objects = self.objects_of(entries);
        let objects = amount(objects.difference(shared).map(|digest| self.objects[digest]));
        Share { name: name.to_owned(), results, objects: objects.count, bytes: objects.bytes }
    }
}

fn largest_first(shares: impl Iterator<Item = Share>) -> Vec<Share> {
    let mut shares: Vec<Share> = shares.collect();
    shares.sort_by_key(|share| (Reverse(share.bytes), share.name.clone()));
    shares
}

fn amount(sizes: impl Iterator<Item = u64>) -> Amount {
    sizes.fold(Amount::default(), |sum, size| Amount { count: sum.count + 1, bytes: sum.bytes + size })
}

/// The entries of folders, without lock files.
fn contents(folders: &[&Path]) -> Result<Amount> {
    let mut sizes = Vec::new();
    for folder in folders {
        let names = fsx::list(folder)?.into_iter().filter(|name| !name.to_string_lossy().ends_with(".lock"));
        sizes.extend(names.map(|name| weight(&folder.join(name)).0));
    }
    Ok(amount(sizes.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Case;

    #[test]
    fn every_byte_of_the_results_is_counted_once_and_shared_ones_for_each_pipeline() {
        let case = Case::new();
        let record = case.record(&["0123456789", "01234"]);
        case.publish(b"unneeded");
        for pipeline in ["full", "mini"] {
            case.store.note_latest(pipeline, "train.base", &record.key).unwrap();
        }
        let usage = case.store.usage().unwrap();
        assert_eq!(usage.objects, Amount { count: 3, bytes: 23 });
        assert_eq!(usage.garbage, Amount { count: 1, bytes: 8 });
        let share = |name: &str| Share { name: name.to_owned(), results: 1, objects: 2, bytes: 15 };
        assert_eq!(usage.kinds, [share("train")]);
        assert_eq!(usage.pipelines, [share("full"), share("mini")]);
        assert_eq!(usage.ages, [share("last day")]);
        assert_eq!((usage.superseded.results, usage.superseded.objects), (0, 0));
        assert_eq!(usage.bytes, 23 + usage.records);
    }
}
