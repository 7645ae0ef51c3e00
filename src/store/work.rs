//! Where a stage writes: a staging folder for each attempt, and partial work that outlives attempts.
//!
//! Every attempt has its own folder, so a process that outlives its engine cannot touch the results of another
//! attempt. An attempt holds a lock beside its folder. A folder whose lock is free belongs to a dead attempt, and the
//! next run removes it. Partial work on a key is kept until the key has a result.

use std::path::{Path, PathBuf};

use super::{Result, Store, layout::Layout, measure::weight, view::VIEW_LOCK};
use crate::{
    digest::Digest,
    fsx::{self, FileLock, TryLock},
};

/// The message of the last failed attempt at a key, inside its partial work.
const FAILURE: &str = "failure.txt";

/// Why a key has lost its result, inside its partial work.
const LOSS: &str = "loss.txt";

/// The staging folder of one attempt. Dropping it removes the folder and what is still in it.
#[derive(Debug)]
pub struct Attempt {
    folder: PathBuf,
    // Released after the folder is removed.
    _lock: FileLock,
}

impl Attempt {
    /// The folder. It is empty at first, and on the store's file system.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // The next run removes what cannot be removed now.
        let _ = fsx::remove_tree(&self.folder);
    }
}

impl Store {
    /// A new, empty staging folder for an attempt at a key. The first call also removes what dead attempts left.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn attempt(&self, key: &Digest) -> Result<Attempt> {
        self.clean_up_once();
        self.layout.prepare(&self.layout.staging)?;
        loop {
            let folder = self.layout.staging.join(format!("{}-{}", key.short(), fsx::unique_name()));
            // The lock comes first: a folder without one looks like that of a dead attempt.
            if let TryLock::Acquired(lock) =
                FileLock::try_acquire(&folder.with_added_extension("lock"), "an attempt")?
            {
                fsx::create_folder(&folder)?;
                return Ok(Attempt { folder, _lock: lock });
            }
        }
    }

    pub(super) fn clean_up_once(&self) {
        self.leftovers.call_once(|| drop(remove_leftovers(&self.layout)));
    }

    /// Leaves what dead attempts have left to other processes. Of many processes at once, one that cleans up is enough.
    pub fn keep_leftovers(&self) {
        self.leftovers.call_once(|| ());
    }

    /// The folder for partial work on a key, created if it is missing. It contains what earlier attempts left. Only
    /// the holder of the key's lock may use it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn work(&self, key: &Digest) -> Result<PathBuf> {
        let folder = self.layout.work_on(key);
        self.layout.prepare(&folder)?;
        Ok(folder)
    }

    /// Where partial work on a key is, if there is any.
    #[must_use]
    pub fn work_of(&self, key: &Digest) -> PathBuf {
        self.layout.work_on(key)
    }

    /// Notes that an attempt at a key failed. Only for the holder of the key's lock.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_failure(&self, key: &Digest, message: &str) -> Result<()> {
        self.layout.write(&self.layout.work_on(key).join(FAILURE), message.as_bytes())
    }

    /// The message of the last failed attempt at a key; `None` if there was none, or one succeeded since.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn failure(&self, key: &Digest) -> Result<Option<String>> {
        self.note(key, FAILURE)
    }

    /// Notes why the result of a key is gone, until it has a new one. Only for the holder of the key's lock.
    pub(super) fn note_loss(&self, key: &Digest, why: &str) -> Result<()> {
        self.layout.write(&self.layout.work_on(key).join(LOSS), why.as_bytes())
    }

    /// Why the result of a key is gone; `None` if it never had one, or has one again.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn loss(&self, key: &Digest) -> Result<Option<String>> {
        self.note(key, LOSS)
    }

    fn note(&self, key: &Digest, name: &str) -> Result<Option<String>> {
        let text = fsx::read_if_there(&self.layout.work_on(key).join(name))?;
        Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Removes the partial work on a key, if there is any.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove_work(&self, key: &Digest) -> Result<()> {
        Ok(fsx::remove_tree(&self.layout.work_on(key))?)
    }
}

/// Removes what dead attempts left: staging folders, drafts and lock files. Failures are left to the next run.
/// Returns the sizes of the removed folders. The lock files of shown folders stay: they tell the next holder that a
/// change may be unfinished.
pub(super) fn remove_leftovers(layout: &Layout) -> Vec<u64> {
    let mut removed = Vec::new();
    for name in fsx::list(&layout.staging).unwrap_or_default() {
        let name = name.to_string_lossy().into_owned();
        let attempt = layout.staging.join(name.strip_suffix(".lock").unwrap_or(&name));
        remove_if_free(&attempt.with_added_extension("lock"), || {
            let size = attempt.is_dir().then(|| weight(&attempt).0);
            removed.extend(fsx::remove_tree(&attempt).ok().and(size));
        });
    }
    remove_free(&layout.locks, |name| !name.starts_with(VIEW_LOCK));
    remove_free(&layout.leases, |_| true);
    let _ = fsx::sweep_drafts(&layout.tmp);
    removed
}

/// Removes the free lock files of shown folders. They tell the next holder that a change may be
/// unfinished; without them, a process looks for unfinished changes once, before it shows its first folder.
pub(super) fn remove_view_locks(layout: &Layout) {
    remove_free(&layout.locks, |name| name.starts_with(VIEW_LOCK));
}

fn remove_free(folder: &Path, which: impl Fn(&str) -> bool) {
    for name in fsx::list(folder).unwrap_or_default() {
        if which(&name.to_string_lossy()) {
            remove_if_free(&folder.join(name), || ());
        }
    }
}

/// Takes a lock, runs `action`, and removes the lock's file with its release. Does nothing if the lock is held, or if
/// locks are not enforced: then it is unknown whether it is held.
fn remove_if_free(lock: &Path, action: impl FnOnce()) {
    if let Ok(TryLock::Acquired(lock)) = FileLock::try_acquire(lock, "cleaning up")
        && lock.is_enforced()
    {
        action();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::Options;

    fn open(root: &Path) -> Store {
        Store::open(root, Options::default()).unwrap()
    }

    #[test]
    fn an_attempt_has_an_empty_folder_of_its_own_that_goes_with_it() {
        let root = tempfile::tempdir().unwrap();
        let (store, key) = (open(root.path()), Digest::of(b"key"));
        let (one, two) = (store.attempt(&key).unwrap(), store.attempt(&key).unwrap());
        assert_ne!(one.folder(), two.folder());
        fs::write(one.folder().join("artifact"), "x").unwrap();
        assert!(fsx::list(two.folder()).unwrap().is_empty());
        drop(one);
        drop(two);
        assert!(fsx::list(&store.layout.staging).unwrap().is_empty());
    }

    #[test]
    fn the_next_run_removes_what_the_dead_left_and_nothing_of_the_living() {
        let root = tempfile::tempdir().unwrap();
        let key = Digest::of(b"key");
        let living_store = open(root.path());
        let living = living_store.attempt(&key).unwrap();
        let held = living_store.try_lock(&key, "the living").unwrap();
        let staging = &living_store.layout.staging;
        // Killed with its lock file; killed after that was removed; killed while writing a record.
        fs::create_dir_all(staging.join("dead-1/deep")).unwrap();
        fs::write(staging.join("dead-1.lock"), "").unwrap();
        fs::create_dir_all(staging.join("dead-2")).unwrap();
        fs::write(living_store.layout.tmp.join(".draft-dead"), "half").unwrap();
        fs::write(living_store.layout.locks.join("dead"), "the dead").unwrap();

        let next = open(root.path());
        let attempt = next.attempt(&key).unwrap();
        assert!(living.folder().is_dir() && attempt.folder().is_dir());
        assert_eq!(fsx::list(staging).unwrap().len(), 4, "two folders, two locks");
        assert!(fsx::list(&living_store.layout.tmp).unwrap().is_empty());
        assert_eq!(fsx::list(&living_store.layout.locks).unwrap(), [std::ffi::OsString::from(key.hex())]);
        drop(held);
    }

    #[test]
    fn partial_work_stays_until_it_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let (store, key) = (open(root.path()), Digest::of(b"key"));
        let work = store.work(&key).unwrap();
        fs::write(work.join("checkpoint"), "epoch 3").unwrap();
        drop(store.attempt(&key).unwrap());
        let again = open(root.path()).work(&key).unwrap();
        assert_eq!(fs::read_to_string(again.join("checkpoint")).unwrap(), "epoch 3");
        store.remove_work(&key).unwrap();
        store.remove_work(&key).unwrap();
        assert!(!work.exists());
    }
}
