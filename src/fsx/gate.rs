//! A gate that many may hold open at once, or one alone may hold shut.
//!
//! `flock(2)`, shared and exclusive, on a file that is made once and never removed: the kernel gives the
//! gate back when a holder ends, however it ends. Where the file system knows no locks nobody is kept out
//! ([`Gate::is_enforced`]); what is promised where is told in [`super::lock`].

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{
    Error, Result,
    enforced::{are_off, keeps_others_out, tolerate_absence},
    shared,
};

/// A held gate; dropping it, or dying, gives it back.
#[derive(Debug)]
pub struct Gate {
    // Held for the lock that the kernel ties to it.
    _file: File,
    enforced: bool,
}

impl Gate {
    /// Passes the gate beside others, sleeping while somebody holds it shut.
    ///
    /// # Errors
    /// Where its file can neither be opened nor made.
    pub fn beside_others(path: &Path) -> Result<Self> {
        let file = open(path)?;
        let enforced = locked(path, || file.lock_shared())?; // Whether others keep out is theirs to ask.
        Ok(Self { _file: file, enforced })
    }

    /// Shuts the gate, sleeping until all who passed it have given it back.
    ///
    /// # Errors
    /// Where its file can neither be opened nor made.
    pub fn alone(path: &Path) -> Result<Self> {
        let file = open(path)?;
        let enforced = locked(path, || file.lock())? && keeps_others_out(path, &file);
        Ok(Self { _file: file, enforced })
    }

    /// Shuts the gate if nobody is within; `None` if somebody is.
    ///
    /// # Errors
    /// Where its file can neither be opened nor made.
    pub fn try_alone(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        if are_off() {
            return Ok(Some(Self { _file: file, enforced: false }));
        }
        match file.try_lock() {
            Ok(()) => {
                let enforced = keeps_others_out(path, &file);
                Ok(Some(Self { _file: file, enforced }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => {
                let enforced = tolerate_absence(path, cause)?;
                Ok(Some(Self { _file: file, enforced }))
            }
        }
    }

    /// Whether others are really kept out: false on file systems that know no locks.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.enforced
    }
}

/// Opens the gate's file, for reading alone where it may not be written: that is enough for a lock.
fn open(path: &Path) -> Result<File> {
    // A pipe in its place would else wait for a writer.
    let read = || OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let made = || {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        shared::follow(path, &file);
        Ok(file)
    };
    read().or_else(|_| made()).map_err(Error::at("open the lock", path))
}

/// A signal that is handled elsewhere ends no wait.
fn locked(path: &Path, lock: impl Fn() -> io::Result<()>) -> Result<bool> {
    if are_off() {
        return Ok(false);
    }
    loop {
        match lock() {
            Ok(()) => return Ok(true),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return tolerate_absence(path, cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pass_together_and_one_alone_waits_for_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        let one = Gate::beside_others(&path).unwrap();
        let two = Gate::beside_others(&path).unwrap();
        assert!(one.is_enforced());
        drop(one);
        assert!(Gate::try_alone(&path).unwrap().is_none(), "one is still within");
        drop(two);
        let alone = Gate::try_alone(&path).unwrap().unwrap();
        assert!(Gate::try_alone(&path).unwrap().is_none());
        let passed = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| Gate::beside_others(&path).map(drop));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!waiter.is_finished(), "it is shut");
            drop(alone);
            waiter.join().unwrap()
        });
        passed.unwrap();
        Gate::alone(&path).unwrap();
    }
}
