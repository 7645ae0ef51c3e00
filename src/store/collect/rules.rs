//! Which results a collection removes. Decides on the findings of a survey.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    time::Duration,
};

use super::{
    super::{
        measure::age,
        survey::{Content, Entry, Survey},
    },
    Collected,
};
use crate::digest::Digest;

/// Which results to remove. By default none.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Remove results that were not used for so long.
    pub older_than: Option<Duration>,
    /// Remove the results that were used longest ago until the objects have at most so many bytes.
    pub max_size: Option<u64>,
    /// Remove all results.
    pub all: bool,
    /// Which results to keep nevertheless.
    pub keep: Keep,
    /// Folders in which artifacts are shown: objects to which links there point stay.
    pub shown: Vec<PathBuf>,
    /// Report what would be removed, and remove nothing.
    pub dry_run: bool,
}

/// Results that stay whatever the other rules say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The latest result of each stage of each pipeline.
    #[default]
    Latest,
    /// The results that the latest so many runs of each pipeline used, and the records of these runs.
    Runs(usize),
    /// None.
    Nothing,
}

/// What decides which results go.
pub(super) struct Rules<'a> {
    pub(super) policy: &'a Policy,
    pub(super) survey: &'a Survey,
    /// Keys that live runs need.
    pub(super) claimed: &'a HashSet<Digest>,
    /// Keys that [`Policy::keep`] keeps.
    pub(super) kept: &'a HashSet<Digest>,
}

impl Rules<'_> {
    /// The keys of the results that go.
    pub(super) fn expired(&self, collected: &mut Collected) -> HashSet<Digest> {
        collected.in_use = 0;
        let limit = self.policy.older_than;
        let is_old = |entry: &Entry| limit.is_some_and(|limit| age(entry.stat.mtime_ns) >= limit);
        let mut expired = HashSet::new();
        for (key, entry) in self.removable() {
            if (self.policy.all || is_old(entry)) && self.is_free(key, collected) {
                expired.insert(*key);
            }
        }
        if let Some(most) = self.policy.max_size {
            self.shrink(most, &mut expired, collected);
        }
        expired
    }

    /// The results that may go. Damaged records stay: a run or a verification has to report them.
    fn removable(&self) -> impl Iterator<Item = (&Digest, &Entry)> {
        self.survey.results.iter().filter(move |(key, entry)| {
            !self.kept.contains(*key) && !matches!(*entry.content, Content::Damaged(_))
        })
    }

    /// Whether no live run needs a result; otherwise it is counted.
    fn is_free(&self, key: &Digest, collected: &mut Collected) -> bool {
        let is_free = !self.claimed.contains(key);
        collected.in_use += usize::from(!is_free);
        is_free
    }

    /// Adds the results that were used longest ago until the objects of the others fit.
    fn shrink(&self, most: u64, expired: &mut HashSet<Digest>, collected: &mut Collected) {
        let mut users: HashMap<Digest, usize> = HashMap::new();
        let left = self.survey.results.iter().filter(|(key, _)| !expired.contains(*key));
        for digest in left.flat_map(|(_, entry)| entry.digests()) {
            *users.entry(digest).or_default() += 1;
        }
        let size = |digest: &Digest| self.survey.objects.get(digest).copied().unwrap_or(0);
        let mut total: u64 = users.keys().map(size).sum();
        let mut by_use: Vec<_> = self.removable().filter(|(key, _)| !expired.contains(*key)).collect();
        by_use.sort_by_key(|(key, entry)| (entry.stat.mtime_ns, **key));
        for (key, entry) in by_use {
            if total <= most {
                break;
            }
            if !self.is_free(key, collected) {
                continue;
            }
            expired.insert(*key);
            for digest in entry.digests() {
                if let Some(count) = users.get_mut(&digest) {
                    *count -= 1;
                    total -= if *count == 0 { size(&digest) } else { 0 };
                }
            }
        }
    }
}
