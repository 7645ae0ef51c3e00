//! `cache gc`: removes what is not needed, and results that a [`Policy`] gives up.
//!
//! Without a policy it removes objects that no record names, what dead runs left (staging folders, drafts, leases),
//! partial work on keys that have their result, and old quarantined files. It never removes what a live run needs
//! ([`super::lease`]) or what a link in a shown folder points to.
//!
//! Reading all records takes long, so it is done before the gate is shut; then only changes are read again. Records
//! are removed before their objects, so a collection that is killed leaves whole results and garbage.

mod clear;
mod collected;
mod rules;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{
    Error, Result, Store,
    latest::key_in,
    lease::claimed,
    meter::{Meter, Progress},
    runs::Kept,
    survey::Survey,
};
use crate::{
    digest::Digest,
    fsx::{self, Gate},
};
use rules::Rules;

pub use collected::{Collected, Removed};
pub use rules::{Keep, Policy};

impl Store {
    /// Removes garbage and the results that the policy gives up. `progress` counts removed files and is called from
    /// several threads. Waits for runs that are looking up or publishing results; those that compute continue.
    ///
    /// # Errors
    /// Where the store cannot be read or written, or where its file system has no locks: then it is unknown what
    /// live runs need.
    pub fn collect(&self, policy: &Policy, progress: &(dyn Fn(Progress) + Sync)) -> Result<Collected> {
        let mut collected = Collected { dry_run: policy.dry_run, ..Collected::default() };
        if !self.layout.exists()? {
            return Ok(collected);
        }
        let before = Survey::of(self, &Survey::default())?;
        let gate = self.shut_gate(policy)?;
        let survey = Survey::of(self, &before)?;
        self.sweep(policy, &survey, progress, &mut collected)?;
        drop(gate);
        self.clear_work(policy, &mut collected)?;
        self.clear_jobs(&mut collected)?;
        self.clear_quarantine(policy, &mut collected)?;
        self.clear_incoming(&mut collected)?;
        self.clear_staging(&mut collected);
        if let Keep::Runs(most) = policy.keep {
            self.clear_runs(most, policy, &mut collected)?;
        }
        self.clear_recall(policy, &mut collected)?;
        Ok(collected)
    }

    fn shut_gate(&self, policy: &Policy) -> Result<Option<Gate>> {
        if policy.dry_run {
            return Ok(None);
        }
        let path = &self.layout.gate;
        let gate = self.layout.healing(path, || Ok(Gate::alone(path)?))?;
        if gate.is_enforced() {
            return Ok(Some(gate));
        }
        Err(Error::Unusable(format!(
            "the file system of {} has no locks that work, so it is not known whether a run uses what would be removed \
             or changed: nothing was changed; do it on the machine that has the disk, while nothing runs elsewhere",
            self.root().display()
        )))
    }

    /// Removes results and objects. The gate must be shut.
    fn sweep(
        &self,
        policy: &Policy,
        survey: &Survey,
        progress: &(dyn Fn(Progress) + Sync),
        collected: &mut Collected,
    ) -> Result<()> {
        let claimed = claimed(&self.layout)?;
        let kept = self.kept(policy.keep, survey)?;
        let expired = Rules { policy, survey, claimed: &claimed, kept: &kept }.expired(collected);
        let mut needed = claimed;
        needed.extend(policy.shown.iter().flat_map(|folder| linked(folder, DEPTH)));
        let left = survey.results.iter().filter(|(key, _)| !expired.contains(*key));
        needed.extend(left.flat_map(|(_, entry)| entry.digests()));

        let record = |key: &Digest| (self.layout.record(key), survey.results[key].stat.size);
        let records: Vec<(PathBuf, u64)> = expired.iter().map(record).collect();
        let mut objects = self.garbage(survey, &needed);
        let meter = Meter::new((records.len() + objects.len()) as u64, progress);
        remove_files(&records, |all| &mut all.results, &meter, collected);
        if collected.results.count < records.len() {
            // A result must never lose its objects: those of a record that could not be removed stay.
            needed.extend(self.digests_of_present(survey, &expired)?);
            objects = self.garbage(survey, &needed);
        }
        remove_files(&objects, |all| &mut all.objects, &meter, collected);
        collected.results_left = survey.results.len() - collected.results.count;
        collected.objects_left = Removed {
            count: survey.objects.len() - collected.objects.count,
            bytes: survey.objects.values().sum::<u64>() - collected.objects.bytes,
        };
        if !policy.dry_run {
            clear_latest(survey, &expired);
        }
        Ok(())
    }

    /// The objects that are not needed, with their sizes.
    fn garbage(&self, survey: &Survey, needed: &HashSet<Digest>) -> Vec<(PathBuf, u64)> {
        let garbage = survey.objects.iter().filter(|(digest, _)| !needed.contains(*digest));
        garbage.map(|(digest, size)| (self.layout.object(digest), *size)).collect()
    }

    /// The objects of these results, as far as their records still exist.
    fn digests_of_present(&self, survey: &Survey, keys: &HashSet<Digest>) -> Result<Vec<Digest>> {
        let mut digests = Vec::new();
        for key in keys {
            if fsx::stat_link(&self.layout.record(key))?.is_some() {
                digests.extend(survey.results[key].digests());
            }
        }
        Ok(digests)
    }

    /// The keys that no rule gives up.
    fn kept(&self, keep: Keep, survey: &Survey) -> Result<HashSet<Digest>> {
        Ok(match keep {
            Keep::Latest => survey.latest.iter().map(|latest| latest.key).collect(),
            Keep::Runs(most) => Kept::by_runs(self, most)?.with_latest(&survey.latest),
            Keep::Nothing => HashSet::new(),
        })
    }
}

/// Removes the latest keys that have no record any more, unless a run has noted another one meanwhile: runs do that
/// without the gate. One that cannot be removed does no harm.
fn clear_latest(survey: &Survey, expired: &HashSet<Digest>) {
    for latest in &survey.latest {
        let is_gone = expired.contains(&latest.key) || !survey.results.contains_key(&latest.key);
        let now = || fsx::read_if_there(&latest.path).ok().flatten().and_then(|bytes| key_in(&bytes));
        if is_gone && now().is_none_or(|now| now == latest.key) {
            let _ = fsx::remove_file(&latest.path);
        }
    }
}

/// Removes files, given with their sizes.
fn remove_files(
    files: &[(PathBuf, u64)],
    kind: fn(&mut Collected) -> &mut Removed,
    meter: &Meter<'_>,
    collected: &mut Collected,
) {
    let dry_run = collected.dry_run;
    let remove = |(path, _): &(PathBuf, u64)| -> Result<()> {
        if dry_run {
            return Ok(());
        }
        // Something else than a file may have its name.
        if fsx::remove_file(path).is_err() {
            fsx::remove_tree(path)?;
        }
        meter.add(1);
        Ok(())
    };
    let removed: Vec<Result<()>> = files.par_iter().map(remove).collect();
    for (removed, (_, bytes)) in removed.into_iter().zip(files) {
        collected.count_removed(kind, *bytes, removed);
    }
}

/// How deep shown folders are searched: links to folders may form a circle.
const DEPTH: usize = 8;

/// The objects to which links below a folder point.
fn linked(folder: &Path, depth: usize) -> Vec<Digest> {
    let mut found = Vec::new();
    for name in fsx::list(folder).unwrap_or_default() {
        let path = folder.join(name);
        if path.is_dir() {
            // Also through links: people link folders to other disks.
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
