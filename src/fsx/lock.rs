//! Exclusive locks that the kernel keeps, and takes back when their holder ends, however it ends.
//!
//! `flock(2)` on an open file: it belongs to the open file description, so two holders in one process
//! exclude each other like two processes do, and no child process inherits it (files are opened
//! close-on-exec). The text in the file names the holder for messages and decides nothing.
//!
//! What is promised where: on local file systems, and on NFS since Linux 2.6.12 (where the server keeps
//! the lock for all its clients), two holders exclude each other. NFS mounted with `local_lock`, Lustre
//! with `localflock` and some FUSE file systems exclude only holders on the same machine, or nobody. Where
//! others are not excluded, as far as that can be found out ([`super::enforced`]), or where the user says so
//! (`PCAMFLOW_LOCKS=off`: then the kernel is not even asked), [`FileLock::is_enforced`] is false: users of
//! this module must then only do work twice, never damage anything.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    Error, Result,
    enforced::{are_off, keeps_others_out, tolerate_absence},
    files, shared,
};

/// A held lock; dropping it, or dying, releases it. Its file is removed on an orderly release.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    // Held for the lock that the kernel ties to it.
    file: File,
    enforced: bool,
    follows: bool,
}

/// What became of an attempt to take a lock.
#[derive(Debug)]
pub enum TryLock {
    /// It is ours.
    Acquired(FileLock),
    /// Somebody else has it: the text with which that one took it, empty if not written yet.
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
            let enforced = match if are_off() { Ok(()) } else { file.try_lock() } {
                Ok(()) if are_off() => false,
                Ok(()) => keeps_others_out(path, &file),
                Err(TryLockError::WouldBlock) => return Ok(TryLock::Held(text_of(&mut file))),
                Err(TryLockError::Error(cause)) => tolerate_absence(path, cause)?,
            };
            if let Some(lock) = Self::checked(path, (file, follows), enforced, holder)? {
                return Ok(TryLock::Acquired(lock));
            }
        }
    }

    /// Takes the lock at `path`, sleeping until it is free. For locks that are held for milliseconds: the
    /// wait cannot be interrupted.
    ///
    /// # Errors
    /// Where the lock file cannot be opened or created.
    pub fn acquire(path: &Path, holder: &str) -> Result<Self> {
        loop {
            let (file, follows) = open(path)?;
            let enforced = match if are_off() { Ok(()) } else { file.lock() } {
                Ok(()) if are_off() => false,
                Ok(()) => keeps_others_out(path, &file),
                Err(cause) => tolerate_absence(path, cause)?,
            };
            if let Some(lock) = Self::checked(path, (file, follows), enforced, holder)? {
                return Ok(lock);
            }
        }
    }

    /// Whether others are really excluded: false on file systems that know no locks.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.enforced
    }

    /// Whether the lock's file was there already: its last holder may have died at its work. False says for
    /// sure that it has not.
    #[must_use]
    pub fn follows_another(&self) -> bool {
        self.follows
    }

    /// A holder removes its file while it still holds the lock. So whoever gets a lock on a file that no
    /// longer stands at its path has locked a dead one, and must look again (`None`).
    fn checked(
        path: &Path,
        (mut file, follows): (File, bool),
        enforced: bool,
        holder: &str,
    ) -> Result<Option<Self>> {
        let ours = file.metadata().map_err(Error::at("look at", path))?;
        match path.metadata() {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {}
            Ok(_) => return Ok(None),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::new("look at", path, cause)),
        }
        // For messages only: a full disk must not keep anybody from a lock.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        Ok(Some(Self { path: path.to_owned(), file, enforced, follows }))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // First the file, then (when the descriptor closes) the lock: see `checked`.
        let _ = files::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// The lock's file, and whether it was there already.
fn open(path: &Path) -> Result<(File, bool)> {
    let new = OpenOptions::new().read(true).write(true).create_new(true).open(path);
    let opened = match new {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            // That of another user may not be writable: to lock it is enough to read it.
            let opened = match options {
                Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => File::open(path),
                options => options,
            };
            opened.map(|file| (file, true))
        }
        Ok(file) => {
            shared::follow(path, &file);
            Ok((file, false))
        }
        Err(cause) => Err(cause),
    };
    opened.map_err(Error::at("open the lock", path))
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
        std::fs::write(&path, "a longer text of one who died").unwrap();
        let lock = FileLock::acquire(&path, "me").unwrap();
        assert_eq!(held(&path).as_deref(), Some("me"));
        assert!(lock.follows_another(), "whoever has it now can see that somebody died");
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
