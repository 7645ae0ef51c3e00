//! What takes the space of a store: by kind of stage, by pipeline, by last use.
//!
//! Reads records and looks at files; changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
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

/// The ages that are told apart, each up to what it says.
const AGES: [(&str, Duration); 4] = [
    ("last day", DAY),
    ("last week", Duration::from_secs(7 * 24 * 3600)),
    ("last month", Duration::from_secs(30 * 24 * 3600)),
    ("last year", Duration::from_secs(365 * 24 * 3600)),
];
const OLDER: &str = "before that";

/// What takes the space of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// All of it.
    pub bytes: u64,
    /// Results.
    pub results: usize,
    /// Objects; two results with the same bytes share one.
    pub objects: Amount,
    /// By kind of stage. An object that several made counts for the first.
    pub kinds: Vec<Share>,
    /// By pipeline: what its stages had last. What pipelines share counts for each.
    pub pipelines: Vec<Share>,
    /// Results that no stage of a pipeline has now, and the objects that only they need.
    pub superseded: Share,
    /// By when results were used last, to within a day.
    pub ages: Vec<Share>,
    /// Objects that no result needs: the next collection removes them.
    pub garbage: Amount,
    /// Partial work of stages that are not done.
    pub partial_work: Amount,
    /// What running stages write, and what dead ones left.
    pub staging: Amount,
    /// Files that were found damaged.
    pub quarantine: Amount,
    /// Run records.
    pub runs: Amount,
    /// Records, remembered digests of sources, and the rest of the bookkeeping.
    pub records: u64,
}

/// A part of the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Share {
    /// Of what.
    pub name: String,
    /// Results.
    pub results: usize,
    /// Their objects.
    pub objects: usize,
    /// Bytes of these.
    pub bytes: u64,
}

impl Store {
    /// What takes the space.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn usage(&self) -> Result<Usage> {
        let survey = Survey::of(self, &Survey::default())?;
        let shares = Shares { survey: &survey, now: fsx::now_ns() };
        let layout = &self.layout;
        let needed = shares.objects(survey.results.values());
        let mut usage = Usage {
            results: survey.results.len(),
            objects: amount(survey.objects.values()),
            kinds: shares.by_first(|entry| match &*entry.content {
                Content::Result(facts) => facts.kind.clone(),
                Content::Foreign(_) => "of another version".to_owned(),
                Content::Damaged(_) => "damaged".to_owned(),
            }),
            ages: shares.by_age(),
            pipelines: shares.by_pipeline(),
            superseded: shares.superseded(),
            garbage: amount(
                survey.objects.iter().filter(|(digest, _)| !needed.contains(*digest)).map(|(_, size)| size),
            ),
            partial_work: folders(&layout.all_work())?,
            staging: folders(&layout.staging())?,
            quarantine: folders(&layout.quarantine())?,
            runs: amount(self.run_sizes()?.iter()),
            records: survey.results.values().map(|entry| entry.stat.size).sum(),
            ..Usage::default()
        };
        for other in [layout.all_latest(), layout.all_recall(), layout.tmp(), layout.leases()] {
            usage.records += weight(&other).0;
        }
        usage.records += fsx::stat_there(&layout.sources())?.map_or(0, |stat| stat.size);
        let parts = [usage.objects, usage.partial_work, usage.staging, usage.quarantine, usage.runs];
        usage.bytes = parts.iter().map(|part| part.bytes).sum::<u64>() + usage.records;
        Ok(usage)
    }
}

impl Store {
    fn run_sizes(&self) -> Result<Vec<u64>> {
        let sizes =
            self.runs()?.into_iter().map(|file| Ok(fsx::stat_link(&file.path)?.map(|stat| stat.size)));
        sizes.filter_map(Result::transpose).collect()
    }
}

struct Shares<'a> {
    survey: &'a Survey,
    now: i64,
}

impl Shares<'_> {
    /// The objects of some results that are here.
    fn objects<'e>(&self, entries: impl IntoIterator<Item = &'e Entry>) -> BTreeSet<Digest> {
        let digests = entries.into_iter().flat_map(Entry::digests);
        digests.filter(|digest| self.survey.objects.contains_key(digest)).collect()
    }

    fn size(&self, digest: &Digest) -> u64 {
        self.survey.objects.get(digest).copied().unwrap_or(0)
    }

    /// By a name of each result, the largest first; shared objects count for the result that is oldest.
    fn by_first(&self, name: impl Fn(&Entry) -> String) -> Vec<Share> {
        let mut shares: BTreeMap<String, Share> = BTreeMap::new();
        let mut entries: Vec<&Entry> = self.survey.results.values().collect();
        entries.sort_by_key(|entry| entry.stat.mtime_ns);
        let mut counted: HashSet<Digest> = HashSet::new();
        for entry in entries {
            let name = name(entry);
            let share = shares.entry(name.clone()).or_insert_with(|| Share { name, ..Share::default() });
            share.results += 1;
            for digest in entry.digests() {
                if let Some(size) = self.survey.objects.get(&digest)
                    && counted.insert(digest)
                {
                    share.objects += 1;
                    share.bytes += size;
                }
            }
        }
        let mut shares: Vec<Share> = shares.into_values().collect();
        shares.sort_by_key(|share| (std::cmp::Reverse(share.bytes), share.name.clone()));
        shares
    }

    fn by_age(&self) -> Vec<Share> {
        let of = |entry: &Entry| {
            let age = age(entry.stat.mtime_ns, self.now);
            AGES.iter().find(|(_, limit)| age < *limit).map_or(OLDER, |(name, _)| name).to_owned()
        };
        let place =
            |share: &Share| AGES.iter().position(|(name, _)| *name == share.name).unwrap_or(AGES.len());
        let mut shares = self.by_first(of);
        shares.sort_by_key(place);
        shares
    }

    fn by_pipeline(&self) -> Vec<Share> {
        let mut keys: BTreeMap<&str, BTreeSet<&Digest>> = BTreeMap::new();
        for latest in &self.survey.latest {
            let pipeline =
                latest.names.as_ref().map_or("noted by an earlier version", |(pipeline, _)| pipeline);
            keys.entry(pipeline).or_default().insert(&latest.key);
        }
        let share = |(name, keys): (&str, BTreeSet<&Digest>)| {
            let entries: Vec<&Entry> = keys.iter().filter_map(|key| self.survey.results.get(*key)).collect();
            self.share(name, &entries, &BTreeSet::new())
        };
        let mut shares: Vec<Share> = keys.into_iter().map(share).filter(|share| share.results > 0).collect();
        shares.sort_by_key(|share| (std::cmp::Reverse(share.bytes), share.name.clone()));
        shares
    }

    fn superseded(&self) -> Share {
        let latest: BTreeSet<Digest> = self.survey.latest.iter().map(|latest| latest.key).collect();
        let (kept, other): (Vec<_>, Vec<_>) =
            self.survey.results.iter().partition(|(key, _)| latest.contains(*key));
        let kept = self.objects(kept.into_iter().map(|(_, entry)| entry));
        self.share("superseded", &other.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), &kept)
    }

    fn share(&self, name: &str, entries: &[&Entry], but: &BTreeSet<Digest>) -> Share {
        let objects = self.objects(entries.iter().copied());
        let objects: Vec<&Digest> = objects.difference(but).collect();
        Share {
            name: name.to_owned(),
            results: entries.len(),
            objects: objects.len(),
            bytes: objects.iter().map(|digest| self.size(digest)).sum(),
        }
    }
}

fn amount<'a>(sizes: impl Iterator<Item = &'a u64>) -> Amount {
    sizes.fold(Amount::default(), |sum, size| Amount { count: sum.count + 1, bytes: sum.bytes + size })
}

/// What lies in a folder: entries (without lock files) and their bytes.
fn folders(folder: &std::path::Path) -> Result<Amount> {
    let names = fsx::list(folder)?.into_iter().filter(|name| !name.to_string_lossy().ends_with(".lock"));
    let sizes: Vec<u64> = names
        .map(|name| {
            let path = folder.join(name);
            if path.is_dir() { weight(&path).0 } else { path.symlink_metadata().map_or(0, |file| file.len()) }
        })
        .collect();
    Ok(amount(sizes.iter()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::case::Case;

    #[test]
    fn every_byte_of_the_results_is_counted_once_and_shared_ones_for_each_pipeline() {
        let case = Case::new();
        let record = case.record(&["0123456789", "01234"]);
        case.publish(b"nobody's");
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
