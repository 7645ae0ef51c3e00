//! Removes what is neither result nor object: partial work, quarantined files, staging folders, memories.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    super::{
        Result, Store, TryKey,
        job::{is_expected, jobs},
        measure::{age, weight},
        work::{remove_leftovers, remove_view_locks},
    },
    Collected, Policy,
};
use crate::{digest::Digest, fsx};

/// How long quarantined files are kept unless the policy says otherwise.
const QUARANTINE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a part of an object stays, so that fetching can go on.
const INCOMING: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Removes partial work on keys that have a result, and partial work that is too old.
    pub(super) fn clear_work(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        for name in fsx::list(&self.layout.work)? {
            let Some(key) = name.to_str().and_then(|name| name.parse::<Digest>().ok()) else { continue };
            let (bytes, newest) = weight(&self.layout.work_on(&key));
            let is_old = policy.older_than.is_some_and(|limit| age(newest) >= limit);
            if !is_old && fsx::stat(&self.layout.record(&key))?.is_none() {
                continue;
            }
            if policy.dry_run {
                collected.remove(|all| &mut all.partial_work, bytes, || Ok(()));
            } else if let TryKey::Acquired(_lock) = self.try_lock(&key, "garbage collection")? {
                collected.remove(|all| &mut all.partial_work, bytes, || self.remove_work(&key));
            }
        }
        Ok(())
    }

    /// Removes the folders of jobs whose results are here or no longer expected.
    pub(super) fn clear_jobs(&self, collected: &mut Collected) -> Result<()> {
        for (key, folder) in jobs(&self.layout)? {
            // The run that submits a job holds the lock until the folder is complete.
            if !is_expected(&self.layout, &key)?
                && let TryKey::Acquired(_lock) = self.try_lock(&key, "garbage collection")?
                && !is_expected(&self.layout, &key)?
            {
                let bytes = weight(&folder).0;
                collected.remove(|all| &mut all.partial_work, bytes, || self.remove_job(&key));
            }
        }
        Ok(())
    }

    pub(super) fn clear_quarantine(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let limit = policy.older_than.unwrap_or(QUARANTINE);
        for name in fsx::list(&self.layout.quarantine)? {
            let path = self.layout.quarantine.join(name);
            let Some(stat) = fsx::stat_link(&path)? else { continue };
            // The ctime of a file is when it was moved here.
            if age(stat.ctime_ns) >= limit {
                collected.remove(|all| &mut all.quarantine, stat.size, || Ok(fsx::remove_tree(&path)?));
            }
        }
        Ok(())
    }

    /// Removes parts of objects whose fetching was not continued.
    pub(super) fn clear_incoming(&self, collected: &mut Collected) -> Result<()> {
        for name in fsx::list(&self.layout.incoming)? {
            let path = self.layout.incoming.join(name);
            let Some(stat) = fsx::stat_link(&path)? else { continue };
            if age(stat.mtime_ns) >= INCOMING {
                collected.remove(|all| &mut all.staging, stat.size, || Ok(fsx::remove_tree(&path)?));
            }
        }
        Ok(())
    }

    pub(super) fn clear_staging(&self, collected: &mut Collected) {
        if !collected.dry_run {
            for bytes in remove_leftovers(&self.layout) {
                collected.count_removed(|all| &mut all.staging, bytes, Ok(()));
            }
            remove_view_locks(&self.layout);
        }
    }

    /// Removes what is remembered of pipelines whose file is gone, and memories that are too old. Without its
    /// memory, a pipeline's next run reads more and remembers it again.
    pub(super) fn clear_recall(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let pipelines = fsx::list(&self.layout.names)?;
        let pipelines = pipelines.iter().filter_map(|name| name.to_str());
        let live: HashSet<PathBuf> = pipelines
            .filter(|name| self.owner(name).is_some_and(|file| file.exists()))
            .map(|name| self.layout.recall_of(name))
            .collect();
        for name in fsx::list(&self.layout.recall)? {
            let path: &Path = &self.layout.recall.join(name);
            let Some(stat) = fsx::stat_link(path)? else { continue };
            let is_old = |limit| age(stat.mtime_ns) >= limit;
            if !live.contains(path) || policy.older_than.is_some_and(is_old) {
                collected.remove(|all| &mut all.recall, stat.size, || Ok(fsx::remove_tree(path)?));
            }
        }
        Ok(())
    }
}
