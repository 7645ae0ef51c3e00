//! Where a stage writes: a staging folder per attempt, and partial work that outlives attempts.
//!
//! Every attempt has its own folder, so that even a process that outlives its engine cannot touch another
//! attempt's results. An attempt holds a lock beside its folder; a folder whose lock nobody holds belongs
//! to a dead one and is removed at the first attempt of the next run. Partial work is kept per key for as
//! long as the key has not succeeded.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{Result, Store, layout::Layout, view::VIEW_LOCK};
use crate::{
    digest::Digest,
    fsx::{self, FileLock, TryLock},
};

const LOCK: &str = ".lock";

/// What the last attempt at a key that failed said, beside its partial work.
const FAILURE: &str = "failure.txt";

/// Why a key has lost its result, where the partial work on it would be.
const LOSS: &str = "loss.txt";

/// The staging folder of one attempt, removed with all that is still in it when dropped.
#[derive(Debug)]
pub struct Attempt {
    folder: PathBuf,
    // Released after the folder is removed.
    _lock: FileLock,
}

impl Attempt {
    /// The folder: empty at first, on the store's file system.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // What cannot be removed now is a leftover for the next run.
        let _ = fsx::remove_tree(&self.folder);
    }
}

impl Store {
    /// A new, empty staging folder for an attempt at a key. The first call also removes what dead attempts
    /// left behind.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn attempt(&self, key: &Digest) -> Result<Attempt> {
        self.leftovers.call_once(|| remove_leftovers(&self.layout));
        let staging = self.layout.staging();
        self.layout.prepare(&staging)?;
        loop {
            let folder = staging.join(format!("{}-{}", key.short(), fsx::unique_name()));
            // The lock comes first: a folder without one would look like a dead attempt's.
            if let TryLock::Acquired(lock) = FileLock::try_acquire(&lock_of(&folder), "an attempt")? {
                fsx::create_folder(&folder)?;
                return Ok(Attempt { folder, _lock: lock });
            }
        }
    }

    /// The folder for partial work on a key, made if it is not there. What earlier attempts left is in it.
    /// Only the holder of the key's lock may use it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn work(&self, key: &Digest) -> Result<PathBuf> {
        let folder = self.layout.work(key);
        self.layout.prepare(&folder)?;
        Ok(folder)
    }

    /// Where partial work on a key is, if there is any.
    #[must_use]
    pub fn work_of(&self, key: &Digest) -> PathBuf {
        self.layout.work(key)
    }

    /// Leaves word beside the partial work on a key that an attempt at it failed. Only the holder of the
    /// key's lock may do so.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_failure(&self, key: &Digest, message: &str) -> Result<()> {
        self.layout.write(&self.layout.work(key).join(FAILURE), message.as_bytes())
    }

    /// What the last attempt at a key that failed said; `None` where none did, or one succeeded since.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn failure(&self, key: &Digest) -> Result<Option<String>> {
        let text = fsx::read_if_there(&self.layout.work(key).join(FAILURE))?;
        Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Leaves word why the result of a key is gone, until it has a new one. Only the holder of the key's lock
    /// may do so.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub(super) fn note_loss(&self, key: &Digest, why: &str) -> Result<()> {
        self.layout.write(&self.layout.work(key).join(LOSS), why.as_bytes())
    }

    /// Why the result of a key is gone; `None` where it never had one, or has one again.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn loss(&self, key: &Digest) -> Result<Option<String>> {
        let text = fsx::read_if_there(&self.layout.work(key).join(LOSS))?;
        Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Removes the partial work on a key, if there is any: it succeeded.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove_work(&self, key: &Digest) -> Result<()> {
        Ok(fsx::remove_tree(&self.layout.work(key))?)
    }
}

fn lock_of(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(LOCK);
    name.into()
}

/// Removes what dead attempts left: staging folders, drafts, lock files. Failure leaves it for later. (The lock
/// file of a shown folder tells the next holder that something may have to be finished there: it stays.)
pub(super) fn remove_leftovers(layout: &Layout) {
    let staging = layout.staging();
    for name in fsx::list(&staging).unwrap_or_default() {
        let name = name.to_string_lossy().into_owned();
        let attempt = staging.join(name.strip_suffix(LOCK).unwrap_or(&name));
        remove_if_free(&lock_of(&attempt), || drop(fsx::remove_tree(&attempt)));
    }
    remove_free(&layout.locks(), |name| !is_of_view(name));
    remove_free(&layout.leases(), |_| true);
    let _ = fsx::sweep_drafts(&layout.tmp());
}

/// Removes the lock files of shown folders that nobody holds. Without them whoever shows a folder looks
/// for unfinished business beside all folders: right for a collection, too long for every run.
pub(super) fn remove_view_locks(layout: &Layout) {
    remove_free(&layout.locks(), is_of_view);
}

fn is_of_view(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(VIEW_LOCK.as_bytes())
}

fn remove_free(folder: &Path, which: impl Fn(&OsStr) -> bool) {
    let names = fsx::list(folder).unwrap_or_default().into_iter();
    names.filter(|name| which(name)).for_each(|name| remove_if_free(&folder.join(name), || ()));
}

/// Does something while holding a lock, and with the lock's release removes its file, if nobody has it.
/// Where locks are not enforced nobody can know, and all stays.
fn remove_if_free(lock: &Path, and: impl FnOnce()) {
    if let Ok(TryLock::Acquired(lock)) = FileLock::try_acquire(lock, "cleaning up")
        && lock.is_enforced()
    {
        and();
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
        assert!(fsx::list(&store.layout.staging()).unwrap().is_empty());
    }

    #[test]
    fn the_next_run_removes_what_the_dead_left_and_nothing_of_the_living() {
        let root = tempfile::tempdir().unwrap();
        let key = Digest::of(b"key");
        let living_store = open(root.path());
        let living = living_store.attempt(&key).unwrap();
        let held = living_store.try_lock(&key, "the living").unwrap();
        let staging = living_store.layout.staging();
        // Killed with its lock file; killed after that was removed; killed while writing a record.
        fs::create_dir_all(staging.join("dead-1/deep")).unwrap();
        fs::write(staging.join("dead-1.lock"), "").unwrap();
        fs::create_dir_all(staging.join("dead-2")).unwrap();
        fs::write(living_store.layout.tmp().join(".draft-dead"), "half").unwrap();
        fs::write(living_store.layout.locks().join("dead"), "the dead").unwrap();

        let next = open(root.path());
        let attempt = next.attempt(&key).unwrap();
        assert!(living.folder().is_dir() && attempt.folder().is_dir());
        assert_eq!(fsx::list(&staging).unwrap().len(), 4, "two folders, two locks");
        assert!(fsx::list(&living_store.layout.tmp()).unwrap().is_empty());
        assert_eq!(fsx::list(&living_store.layout.locks()).unwrap(), [std::ffi::OsString::from(key.hex())]);
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
