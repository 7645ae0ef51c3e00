//! Garbage collection: removes what nobody needs, and results that a [`Policy`] gives up.
//!
//! Without a policy it removes what no result needs: objects that no record names, what dead runs left
//! (staging folders, drafts, leases), partial work on keys that have their result, quarantined files that
//! are old. It never touches what a live run relies on ([`super::lease`]), nor objects that a shown folder
//! links to.
//!
//! What takes long, reading all records, is done before the gate is shut; then only what changed since is
//! read again, and after some seconds runs get their turn. Records go before their objects, so that a
//! collection that is killed anywhere leaves whole results and garbage, and the next one goes on. Linear in
//! the number of files.

mod collected;
mod memory;
mod rules;

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rayon::prelude::*;

use super::{
    Error, Progress, Result, Store, TryKey,
    latest::key_in,
    lease::claimed,
    measure::{age, weight},
    runs::Kept,
    survey::Survey,
    work::{remove_leftovers, remove_view_locks},
};
use crate::{
    digest::Digest,
    fsx::{self, Gate},
};
use rules::Rules;

pub use collected::{Collected, Removed};
pub use rules::{Keep, Policy};

/// How long runs that decide or publish are kept waiting at a time while files are removed.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long quarantined files are kept where nothing else is said.
const QUARANTINE: Duration = Duration::from_secs(30 * 24 * 3600);

impl Store {
    /// Removes garbage and the results that the policy gives up. `progress` counts files removed and is
    /// called from several threads. Waits for runs that decide or publish just now; those that compute go on.
    ///
    /// # Errors
    /// Where the store cannot be read or written, or where its file system has no locks: then nobody can
    /// know what live runs rely on.
    pub fn collect(&self, policy: &Policy, progress: &(dyn Fn(Progress) + Sync)) -> Result<Collected> {
        let mut collected = Collected { dry_run: policy.dry_run, ..Collected::default() };
        if !self.layout.exists()? {
            return Ok(collected);
        }
        let mut survey = Survey::of(self, &Survey::default())?;
        loop {
            let _gate = self.shut_gate(policy)?;
            survey = Survey::of(self, &survey)?;
            if self.sweep(policy, &survey, progress, &mut collected)? {
                break;
            }
        }
        self.clear_work(policy, &mut collected)?;
        self.clear_quarantine(policy, &mut collected)?;
        self.clear_staging(policy, &mut collected)?;
        if let Keep::Runs(most) = policy.keep {
            let Collected { runs, not_removed, .. } = &mut collected;
            self.clear_runs(most, policy.older_than, policy.dry_run, runs, not_removed)?;
        }
        self.clear_recall(policy, &mut collected)?;
        Ok(collected)
    }

    fn shut_gate(&self, policy: &Policy) -> Result<Option<Gate>> {
        if policy.dry_run {
            return Ok(None);
        }
        let path = self.layout.gate();
        let gate = self.layout.healing(&path, || Ok(Gate::alone(&path)?))?;
        if gate.is_enforced() { Ok(Some(gate)) } else { Err(Error::NoLocks { root: self.root().to_owned() }) }
    }

    /// Removes results and objects, for as long as runs may be kept waiting. True if all is removed. Only for
    /// whoever has shut the gate.
    fn sweep(
        &self,
        policy: &Policy,
        survey: &Survey,
        progress: &(dyn Fn(Progress) + Sync),
        collected: &mut Collected,
    ) -> Result<bool> {
        let mut spared = claimed(&self.layout)?;
        let kept = self.kept(policy.keep, survey)?;
        collected.in_use = 0;
        collected.not_removed.clear();
        let doomed =
            Rules { policy, survey, claimed: &spared, kept: &kept, now: fsx::now_ns() }.doomed(collected);
        spared.extend(policy.shown.iter().flat_map(|folder| linked(folder, DEPTH)));
        let stays = survey.results.iter().filter(|(key, _)| !doomed.contains(*key));
        spared.extend(stays.flat_map(|(_, entry)| entry.digests()));
        let (left, gone): (Vec<_>, Vec<_>) =
            survey.objects.iter().partition(|(digest, _)| spared.contains(*digest));
        collected.results_left = survey.results.len() - doomed.len();
        collected.objects_left = Removed::default();
        left.iter().for_each(|(_, size)| collected.objects_left.add(**size));
        let record = |key: &Digest| (self.layout.record(key), survey.results[key].stat.size);
        let records: Vec<(PathBuf, u64)> = doomed.iter().map(record).collect();
        let objects: Vec<(Digest, PathBuf, u64)> =
            gone.into_iter().map(|(digest, size)| (*digest, self.layout.object(digest), *size)).collect();
        let sweep = Sweep {
            dry_run: policy.dry_run,
            until: Instant::now() + PATIENCE,
            progress,
            total: (records.len() + objects.len()) as u64,
            done: AtomicU64::new(0),
        };
        // Records first, all of them: a result must never stand without its bytes. Where a record cannot be
        // removed, its objects stay as well.
        let records = sweep.remove(&records, &mut collected.results);
        let stays: HashSet<Digest> = match records.failed.is_empty() {
            true => HashSet::new(),
            false => self.objects_of(survey, &doomed)?,
        };
        let objects: Vec<_> = objects.into_iter().filter(|(digest, ..)| !stays.contains(digest)).collect();
        let objects: Vec<_> = objects.into_iter().map(|(_, path, size)| (path, size)).collect();
        let mut done = !records.unfinished;
        collected.not_removed.extend(records.failed);
        if done {
            let objects = sweep.remove(&objects, &mut collected.objects);
            done = !objects.unfinished;
            collected.not_removed.extend(objects.failed);
        }
        if done && !policy.dry_run {
            self.clear_latest(survey, &doomed)?;
        }
        Ok(done)
    }

    /// The objects of those results that are still there although they were given up.
    fn objects_of(&self, survey: &Survey, doomed: &HashSet<Digest>) -> Result<HashSet<Digest>> {
        let mut objects = HashSet::new();
        for key in doomed {
            if fsx::stat_link(&self.layout.record(key))?.is_some() {
                objects.extend(survey.results[key].digests());
            }
        }
        Ok(objects)
    }

    /// The keys that no rule gives up.
    fn kept(&self, keep: Keep, survey: &Survey) -> Result<HashSet<Digest>> {
        Ok(match keep {
            Keep::Latest => survey.latest.iter().map(|latest| latest.key).collect(),
            Keep::Runs(most) => Kept::by_runs(self, most)?.with_latest(&survey.latest),
            Keep::Nothing => HashSet::new(),
        })
    }

    /// What points to no record explains nothing.
    fn clear_latest(&self, survey: &Survey, doomed: &HashSet<Digest>) -> Result<()> {
        for latest in &survey.latest {
            let gone = doomed.contains(&latest.key) || !survey.results.contains_key(&latest.key);
            // A run may have put another key there since it was read.
            let now = || fsx::read_if_there(&latest.path).ok().flatten().and_then(|bytes| key_in(&bytes));
            if gone && now().is_none_or(|now| now == latest.key) {
                // A pointer to nothing does no harm.
                let _ = fsx::remove_file(&latest.path);
            }
        }
        Ok(())
    }

    /// Removes partial work on keys that have a result, and what nobody went on with for too long.
    fn clear_work(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let folder = self.layout.all_work();
        for name in fsx::list(&folder)? {
            let Some(key) = name.to_str().and_then(|name| name.parse::<Digest>().ok()) else { continue };
            let (bytes, newest) = weight(&folder.join(&name));
            let old = policy.older_than.is_some_and(|limit| age(newest, fsx::now_ns()) >= limit);
            if !old && fsx::stat(&self.layout.record(&key))?.is_none() {
                continue;
            }
            if policy.dry_run {
                collected.partial_work.add(bytes);
            } else if let TryKey::Acquired(_lock) = self.try_lock(&key, "garbage collection")? {
                match self.remove_work(&key) {
                    Ok(()) => collected.partial_work.add(bytes),
                    Err(error) => collected.not_removed.push(error.to_string()),
                }
            }
        }
        Ok(())
    }

    fn clear_quarantine(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let folder = self.layout.quarantine();
        let limit = policy.older_than.unwrap_or(QUARANTINE);
        for name in fsx::list(&folder)? {
            let path = folder.join(name);
            let Some(stat) = fsx::stat_link(&path)? else { continue };
            // A file's ctime tells when it was moved there.
            if age(stat.ctime_ns, fsx::now_ns()) < limit {
                continue;
            }
            match if policy.dry_run { Ok(()) } else { fsx::remove_tree(&path) } {
                Ok(()) => collected.quarantine.add(stat.size),
                Err(error) => collected.not_removed.push(error.to_string()),
            }
        }
        Ok(())
    }

    fn clear_staging(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let sizes = || -> Result<BTreeMap<_, u64>> {
            let folder = self.layout.staging();
            let names = fsx::list(&folder)?.into_iter().filter(|name| folder.join(name).is_dir());
            Ok(names.map(|name| (name.clone(), weight(&folder.join(name)).0)).collect())
        };
        if policy.dry_run {
            return Ok(());
        }
        let before = sizes()?;
        remove_leftovers(&self.layout);
        remove_view_locks(&self.layout);
        let left = sizes()?;
        before
            .iter()
            .filter(|(name, _)| !left.contains_key(*name))
            .for_each(|(_, size)| collected.staging.add(*size));
        Ok(())
    }
}

/// What was not removed.
#[derive(Default)]
struct Left {
    /// Whether there was no time for some.
    unfinished: bool,
    /// Why others could not be removed: those of another user, say.
    failed: Vec<String>,
}

/// Files being removed.
struct Sweep<'a> {
    dry_run: bool,
    until: Instant,
    progress: &'a (dyn Fn(Progress) + Sync),
    total: u64,
    done: AtomicU64,
}

impl Sweep<'_> {
    /// Removes files, given with their sizes, until the time is over.
    fn remove(&self, files: &[(PathBuf, u64)], removed: &mut Removed) -> Left {
        let tried: Vec<Result<bool>> = files.par_iter().map(|(path, _)| self.remove_one(path)).collect();
        let mut left = Left::default();
        for (tried, (_, bytes)) in tried.into_iter().zip(files) {
            match tried {
                Ok(true) => removed.add(*bytes),
                Ok(false) => left.unfinished = true,
                Err(error) => left.failed.push(error.to_string()),
            }
        }
        left
    }

    /// False if there was no time for it.
    fn remove_one(&self, path: &Path) -> Result<bool> {
        if self.dry_run {
            return Ok(true);
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // One at least, or it would never end.
        if done > 1 && Instant::now() >= self.until {
            return Ok(false);
        }
        if fsx::remove_file(path).is_err() {
            // Somebody put a folder in its place.
            fsx::remove_tree(path)?;
        }
        (self.progress)(Progress { done, total: self.total });
        Ok(true)
    }
}

/// How deep shown folders are looked through: links of folders may lead in circles.
const DEPTH: usize = 8;

/// The objects that links below a folder point to.
fn linked(folder: &Path, depth: usize) -> Vec<Digest> {
    let mut found = Vec::new();
    for name in fsx::list(folder).unwrap_or_default() {
        let path = folder.join(name);
        if path.is_dir() {
            // A folder that people linked to another disk is shown in as well.
            if depth > 0 {
                found.extend(linked(&path, depth - 1));
            }
        } else if let Ok(Some(target)) = fsx::link_target(&path) {
            found.extend(target.file_name().and_then(|name| name.to_str()?.parse::<Digest>().ok()));
        }
    }
    found
}

#[cfg(test)]
mod tests;
