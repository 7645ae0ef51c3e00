//! The folders of jobs that compute keys elsewhere: what they need is spared by garbage collection while they exist.
//!
//! Knows folders and digests. What else a job's folder contains is not known here.

use std::{path::PathBuf, time::Duration};

use super::{Result, Store, layout::Layout, measure::age};
use crate::{digest::Digest, fsx};

/// The file with what a job needs, a digest on each line.
const NEEDS: &str = "needs";

/// A job of which nothing was heard for so long is not expected any more.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

impl Store {
    /// The folder of the job that computes a key, if there is one.
    #[must_use]
    pub fn job_of(&self, key: &Digest) -> PathBuf {
        self.layout.job_of(key)
    }

    /// The new, empty folder of a job that computes a key and needs these keys and objects. Only for the holder of the
    /// key's lock.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn new_job(&self, key: &Digest, needs: impl IntoIterator<Item = Digest>) -> Result<PathBuf> {
        self.clean_up_once();
        let folder = self.layout.job_of(key);
        fsx::remove_tree(&folder)?;
        self.layout.prepare(&folder)?;
        let needs: String = std::iter::once(*key).chain(needs).map(|digest| format!("{digest}\n")).collect();
        self.layout.write(&folder.join(NEEDS), needs.as_bytes())?;
        Ok(folder)
    }

    /// Removes the folder of a job, if there is one.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove_job(&self, key: &Digest) -> Result<()> {
        Ok(fsx::remove_tree(&self.layout.job_of(key))?)
    }
}

impl Store {
    /// The keys with the folder of a job.
    #[must_use]
    pub fn keys_of_jobs(&self) -> Vec<Digest> {
        jobs(&self.layout).unwrap_or_default().into_iter().map(|(key, _)| key).collect()
    }
}

/// The folders of jobs, with their keys.
pub(super) fn jobs(layout: &Layout) -> Result<Vec<(Digest, PathBuf)>> {
    let names = fsx::list(&layout.jobs)?.into_iter();
    let keys = names.filter_map(|name| name.to_str()?.parse::<Digest>().ok());
    Ok(keys.map(|key| (key, layout.job_of(&key))).collect())
}

/// Whether the result of a job is still to come: its key has none that is newer than the job.
pub(super) fn is_expected(layout: &Layout, key: &Digest) -> Result<bool> {
    let Some(job) = fsx::stat(&layout.job_of(key).join(NEEDS))? else { return Ok(false) };
    let record = fsx::stat(&layout.record(key))?;
    Ok(age(job.mtime_ns) < LONGEST && record.is_none_or(|record| record.mtime_ns < job.mtime_ns))
}

/// What the expected jobs need: keys and digests of objects.
pub(super) fn needed(layout: &Layout) -> Result<Vec<Digest>> {
    let mut needed = Vec::new();
    for (key, folder) in jobs(layout)? {
        if is_expected(layout, &key)? {
            let bytes = fsx::read_if_there(&folder.join(NEEDS))?.unwrap_or_default();
            needed.extend(
                String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.parse::<Digest>().ok()),
            );
        }
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Case;

    #[test]
    fn what_a_job_needs_is_needed_until_its_key_has_a_result() {
        let case = Case::new();
        let record = case.record(&["content"]);
        let input = Digest::of(b"input");
        let folder = case.store.new_job(&record.key, [input]).unwrap();
        std::fs::write(folder.join("events"), "old").unwrap();
        assert_eq!(needed(&case.store.layout).unwrap(), [record.key, input]);
        let again = case.store.new_job(&record.key, []).unwrap();
        assert_eq!(fsx::list(&again).unwrap(), [std::ffi::OsString::from(NEEDS)]);
        // As a forced stage does.
        case.store.commit(record.clone(), crate::store::Existing::Replace).unwrap();
        assert!(needed(&case.store.layout).unwrap().is_empty());
        case.store.remove_job(&record.key).unwrap();
        assert!(!folder.exists());
    }
}
