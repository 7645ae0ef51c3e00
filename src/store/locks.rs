//! One lock for each key while it is being executed, so that two runs never compute the same thing at once.
//!
//! These are kernel locks ([`FileLock`]): they end with their holder, and no process number decides anything. Without
//! working locks two runs may execute the same key. Then the work is done twice and the first record wins, but nothing
//! is damaged. Partial work is then shared, and stays when one of the two is done.

use super::{Result, Store};
use crate::{
    digest::Digest,
    fsx::{FileLock, TryLock},
};

impl Store {
    /// Whether to warn people now that this lock does not exclude other processes: once for each store.
    #[must_use]
    pub fn should_tell_of(&self, lock: &FileLock) -> bool {
        let mut first = false;
        if !lock.is_enforced() {
            self.warned_about_locks.call_once(|| first = true);
        }
        first
    }

    /// Locks a key for executing it, unless another process holds the lock. `owner` names the holder to others
    /// ("train.base in process 4242 on host, since 12:01").
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn try_lock(&self, key: &Digest, owner: &str) -> Result<TryLock> {
        self.layout.prepare(&self.layout.locks)?;
        let path = self.layout.locks.join(key.hex());
        self.layout.healing(&path, || Ok(FileLock::try_acquire(&path, owner)?))
    }

    /// Whether some process is executing a key now. Takes the lock for a moment if no one holds it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn is_locked(&self, key: &Digest) -> Result<bool> {
        Ok(matches!(self.try_lock(key, "")?, TryLock::Held(_)))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        process::{Child, Command, Stdio},
        thread::sleep,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::store::Options;

    fn open(root: &Path) -> Store {
        Store::open(root, Options::default()).unwrap()
    }

    fn holder(store: &Store, key: &Digest) -> Option<String> {
        match store.try_lock(key, "another").unwrap() {
            TryLock::Acquired(_) => None,
            TryLock::Held(by) => Some(by),
        }
    }

    #[test]
    fn a_key_is_locked_for_other_handles_and_other_keys_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (open(folder.path()), open(folder.path()));
        let (key, other) = (Digest::of(b"key"), Digest::of(b"other"));
        let TryLock::Acquired(lock) = one.try_lock(&key, "train.base in process 7").unwrap() else {
            panic!()
        };
        assert!(lock.is_enforced());
        assert_eq!(holder(&two, &key).as_deref(), Some("train.base in process 7"));
        assert_eq!(holder(&two, &other), None);
        assert!(two.is_locked(&key).unwrap() && !two.is_locked(&other).unwrap());
        drop(lock);
        assert_eq!(holder(&two, &key), None);
    }

    #[test]
    fn a_killed_process_leaves_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key) = (open(folder.path()), Digest::of(b"key"));
        let mut child = child_that_holds(folder.path());
        let deadline = Instant::now() + Duration::from_secs(20);
        while holder(&store, &key).as_deref() != Some("a child process") {
            assert!(Instant::now() < deadline, "the child never took the lock");
            sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(holder(&store, &key), None);
    }

    /// This test binary once more, running only the test below.
    fn child_that_holds(root: &Path) -> Child {
        let name = "store::locks::tests::child_that_holds_a_lock_until_it_is_killed";
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored"])
            .env("PCAMFLOW_TEST_STORE", root)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    #[test]
    #[ignore = "run by the test above as a child process"]
    fn child_that_holds_a_lock_until_it_is_killed() {
        let Some(root) = std::env::var_os("PCAMFLOW_TEST_STORE") else { return };
        let store = open(Path::new(&root));
        // The parent asks for the holder by taking the lock for a moment.
        let take = || store.try_lock(&Digest::of(b"key"), "a child process").unwrap();
        let _lock = std::iter::repeat_with(take).find(|lock| matches!(lock, TryLock::Acquired(_)));
        sleep(Duration::from_secs(60));
    }
}
