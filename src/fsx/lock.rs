//! Exclusive kernel locks, which end with their holder, however that happens.
//!
//! A lock is an `flock(2)` on an open file. It belongs to the open file description: two holders in one process exclude
//! each other as two processes do, and child processes do not inherit it (files are opened close-on-exec). The text in
//! the file names the holder in messages and decides nothing.
//!
//! On local file systems, and on NFS since Linux 2.6.12, two holders exclude each other. NFS mounted with `local_lock`,
//! Lustre with `localflock` and some FUSE file systems exclude only holders on the same machine, or no holder at all. If that
//! can be found out ([`super::enforced`]), or the user says so (`PCAMFLOW_LOCKS=off`), [`FileLock::is_enforced`] is false.
//! Users of this module must then at worst do work twice, never damage anything.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Error, Result, enforced::lock_alone, error::if_exists, files, shared};

/// A held lock. Dropping it, or dying, releases it; dropping it also removes its file.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    // Held for the lock that belongs to it.
    file: File,
    enforced: bool,
    follows: bool,
}

/// The outcome of an attempt to take a lock.
#[derive(Debug)]
pub enum TryLock {
    /// It is ours.
    Acquired(FileLock),
    /// Another process holds it. The text names the holder; it is empty if it is not written yet.
    Held(String),
}

impl FileLock {
    /// Takes the lock at `path` if it is free. `holder` tells others who has it.
    ///
    /// # Errors
    /// Where the lock file cannot be opened or created.
    pub fn try_acquire(path: &Path, holder: &str) -> Result<TryLock> {
        loop {
            let (mut file, follows) = open(path)?;
            let Some(enforced) = lock_alone(path, &file, false)? else {
                return Ok(TryLock::Held(text_of(&mut file)));
            };
            if is_current(path, &file)? {
                write_holder(&mut file, holder);
                return Ok(TryLock::Acquired(Self { path: path.to_owned(), file, enforced, follows }));
            }
        }
    }

    /// Takes the lock at `path`, waiting until it is free. For locks that are held for milliseconds only: the wait
    /// cannot be interrupted.
    ///
    /// # Errors
    /// Where the lock file cannot be opened or created.
    pub fn acquire(path: &Path, holder: &str) -> Result<Self> {
        loop {
            let (mut file, follows) = open(path)?;
            let enforced = lock_alone(path, &file, true)?.unwrap_or_default();
            if is_current(path, &file)? {
                write_holder(&mut file, holder);
                return Ok(Self { path: path.to_owned(), file, enforced, follows });
            }
        }
    }

    /// Whether others are really excluded: false without working locks.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.enforced
    }

    /// Whether the lock's file existed before. If so, its last holder may have died.
    #[must_use]
    pub fn follows_another(&self) -> bool {
        self.follows
    }
}

/// Whether a locked file is still at its path. A holder removes its file while it holds the lock, so the file may be an
/// old one, and its lock useless.
fn is_current(path: &Path, file: &File) -> Result<bool> {
    let ours = file.metadata().map_err(Error::at("look at", path))?;
    let there = if_exists("look at", path, path.metadata())?;
    Ok(there.is_some_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// The text is only for messages: a full disk must not prevent locking.
fn write_holder(file: &mut File, holder: &str) {
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // First the file, then the lock: see `is_current`.
        let _ = files::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// The lock's file, and whether it existed before.
fn open(path: &Path) -> Result<(File, bool)> {
    let options = || OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
    let opened = match options().create_new(true).open(path) {
        Ok(file) => {
            shared::follow(path, &file);
            return Ok((file, false));
        }
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => match options().open(path) {
            // The file of another user. To lock it, reading is enough.
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => File::open(path),
            opened => opened,
        },
        Err(cause) => Err(cause),
    };
    opened.map(|file| (file, true)).map_err(Error::at("open the lock", path))
}

fn text_of(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(4096).read_to_string(&mut text);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn held(path: &Path) -> Option<String> {
        match FileLock::try_acquire(path, "another").unwrap() {
            TryLock::Acquired(_) => None,
            TryLock::Held(by) => Some(by),
        }
    }

    #[test]
    fn a_lock_excludes_names_its_holder_and_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = FileLock::acquire(&path, "train.base in process 7").unwrap();
        assert!(lock.is_enforced());
        assert_eq!(held(&path).as_deref(), Some("train.base in process 7"));
        drop(lock);
        assert_eq!(held(&path), None);
        assert!(!path.exists(), "an orderly release leaves no file");
    }

    #[test]
    fn a_lock_file_left_by_a_dead_holder_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::fs::write(&path, "a longer text of a dead holder").unwrap();
        let lock = FileLock::acquire(&path, "me").unwrap();
        assert_eq!(held(&path).as_deref(), Some("me"));
        assert!(lock.follows_another(), "the new holder can see that the last one died");
        drop(lock);
        assert!(!FileLock::acquire(&path, "me").unwrap().follows_another());
    }

    #[test]
    fn removing_the_file_on_release_lets_no_two_in_at_once() {
        // Eight threads take and release the lock as fast as they can; each release deletes the file that
        // others are about to lock.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (inside, rounds) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let lock = FileLock::acquire(&path, "").unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the lock");
                        rounds.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(rounds.into_inner(), 1600);
    }
}
