//! A gate that many may hold together, or one alone.
//!
//! It is a shared or exclusive `flock(2)` on a file that is created once and never removed. The kernel releases it when
//! a holder ends, however that happens. Without working locks, it does not exclude others ([`Gate::is_enforced`]); see
//! [`super::lock`].

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{
    Error, Result,
    enforced::{lock_alone, lock_shared},
    shared,
};

/// A held gate. Dropping it, or dying, releases it.
#[derive(Debug)]
pub struct Gate {
    // Held for the lock that belongs to it.
    _file: File,
    enforced: bool,
}

impl Gate {
    /// Holds the gate together with others. Waits while another process holds it alone.
    ///
    /// # Errors
    /// Where its file can neither be opened nor created.
    pub fn beside_others(path: &Path) -> Result<Self> {
        let file = open(path)?;
        Ok(Self { enforced: lock_shared(path, &file)?, _file: file })
    }

    /// Holds the gate alone, after waiting for all other holders.
    ///
    /// # Errors
    /// Where its file can neither be opened nor created.
    pub fn alone(path: &Path) -> Result<Self> {
        let file = open(path)?;
        Ok(Self { enforced: lock_alone(path, &file, true)?.unwrap_or_default(), _file: file })
    }

    /// Holds the gate alone; `None` if another process holds it.
    ///
    /// # Errors
    /// Where its file can neither be opened nor created.
    pub fn try_alone(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        Ok(lock_alone(path, &file, false)?.map(|enforced| Self { _file: file, enforced }))
    }

    /// Whether others are really excluded: false without working locks.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.enforced
    }
}

/// Opens the gate's file. To lock it, reading is enough.
fn open(path: &Path) -> Result<File> {
    // Without `O_NONBLOCK`, a pipe in its place would wait for a writer.
    let read = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let create = |_| {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        shared::follow(path, &file);
        Ok(file)
    };
    read.or_else(create).map_err(Error::at("open the lock", path))
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
