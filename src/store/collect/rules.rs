//! Which results a collection gives up.
//!
//! Decides on what a survey found; removes nothing.

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

/// Which results to give up. By default none.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Those that were not used for so long.
    pub older_than: Option<Duration>,
    /// Those that were not used for the longest time, until the objects that stay have at most so many bytes.
    pub max_size: Option<u64>,
    /// All.
    pub all: bool,
    /// Which of them to keep nevertheless.
    pub keep: Keep,
    /// Folders in which artifacts are shown: objects that links there point to stay.
    pub shown: Vec<PathBuf>,
    /// Tell what would be removed, and remove nothing.
    pub dry_run: bool,
}

/// Results that no rule gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// What each stage of each pipeline had last.
    #[default]
    Latest,
    /// What the latest so many runs of each pipeline used, and the records of these runs.
    Runs(usize),
    /// None.
    Nothing,
}

/// What decides which results go.
pub(super) struct Rules<'a> {
    pub(super) policy: &'a Policy,
    pub(super) survey: &'a Survey,
    /// Keys that live runs rely on.
    pub(super) claimed: &'a HashSet<Digest>,
    /// Keys that no rule gives up.
    pub(super) kept: &'a HashSet<Digest>,
    pub(super) now: i64,
}

impl Rules<'_> {
    /// The keys of the results that go.
    pub(super) fn doomed(&self, collected: &mut Collected) -> HashSet<Digest> {
        let mut doomed = HashSet::new();
        for (key, entry) in &self.survey.results {
            if self.is_too_old(entry) && self.may_go(key, entry) {
                if self.claimed.contains(key) {
                    collected.in_use += 1;
                } else {
                    doomed.insert(*key);
                }
            }
        }
        if let Some(most) = self.policy.max_size {
            self.shrink(most, &mut doomed, collected);
        }
        doomed
    }

    fn is_too_old(&self, entry: &Entry) -> bool {
        let limit = self.policy.older_than;
        self.policy.all || limit.is_some_and(|limit| age(entry.stat.mtime_ns, self.now) >= limit)
    }

    /// A damaged record stays for `verify` or a run to say so.
    fn may_go(&self, key: &Digest, entry: &Entry) -> bool {
        !self.kept.contains(key) && !matches!(*entry.content, Content::Damaged(_))
    }

    /// Gives up results, those first that nobody used for the longest time, until the rest fits.
    fn shrink(&self, most: u64, doomed: &mut HashSet<Digest>, collected: &mut Collected) {
        let mut users: HashMap<Digest, usize> = HashMap::new();
        let stays = self.survey.results.iter().filter(|(key, _)| !doomed.contains(*key));
        for digest in stays.clone().flat_map(|(_, entry)| entry.digests()) {
            *users.entry(digest).or_default() += 1;
        }
        let size = |digest: &Digest| self.survey.objects.get(digest).copied().unwrap_or(0);
        let mut total: u64 = users.keys().map(size).sum();
        let mut by_use: Vec<(&Digest, &Entry)> =
            stays.filter(|(key, entry)| self.may_go(key, entry)).collect();
        by_use.sort_by_key(|(key, entry)| (entry.stat.mtime_ns, **key));
        let mut more = HashSet::new();
        for (key, entry) in by_use {
            if total <= most {
                break;
            }
            if self.claimed.contains(key) {
                collected.in_use += 1;
                continue;
            }
            more.insert(*key);
            for digest in entry.digests() {
                if let Some(count) = users.get_mut(&digest) {
                    *count -= 1;
                    total -= if *count == 0 { size(&digest) } else { 0 };
                }
            }
        }
        doomed.extend(more);
    }
}
