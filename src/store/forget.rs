//! `cache clear`: forgets a result, so that the next run computes it again.

use super::{Result, Store, TryKey};
use crate::{digest::Digest, fsx};

/// What happened to a result that was to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It is forgotten, with the partial work on it. Its objects are garbage unless other results need them.
    Yes,
    /// It did not exist.
    Absent,
    /// It is being computed, by this holder of the lock.
    InUse(String),
}

impl Store {
    /// Forgets the result of a key and the partial work on it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn forget(&self, key: &Digest) -> Result<Forgotten> {
        let path = self.layout.record(key);
        if fsx::stat(&path)?.is_none() && fsx::stat(&self.layout.work_on(key))?.is_none() {
            return Ok(Forgotten::Absent);
        }
        match self.try_lock(key, "clearing the cache")? {
            TryKey::Held(by) => Ok(Forgotten::InUse(by)),
            TryKey::Acquired(lock) => {
                // Without working locks, another run may be using the partial work.
                if lock.is_enforced() {
                    self.remove_work(key)?;
                }
                Ok(if fsx::remove_file(&path)? { Forgotten::Yes } else { Forgotten::Absent })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Lookup, testing::Case};

    #[test]
    fn a_result_is_forgotten_with_its_partial_work_unless_it_is_being_made() {
        let case = Case::new();
        let key = case.record(&["content"]).key;
        let work = case.store.work(&key).unwrap();
        let lock = case.store.try_lock(&key, "ada:17").unwrap();
        assert_eq!(case.store.forget(&key).unwrap(), Forgotten::InUse("ada:17".to_owned()));
        drop(lock);
        assert_eq!(case.store.forget(&key).unwrap(), Forgotten::Yes);
        assert!(!work.exists());
        assert_eq!(case.store.record(&key).unwrap(), Lookup::Absent);
        assert_eq!(case.store.forget(&key).unwrap(), Forgotten::Absent);
    }
}
