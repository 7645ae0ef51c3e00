//! Whether an artifact's bytes are in the store, and are the right ones.
//!
//! **Trust.** Mode bits prove nothing. An object is trusted while it has the stat tuple that its record contains;
//! otherwise it is hashed again. (An edit of the same size within the same clock tick as the publishing rename, some
//! milliseconds, is not noticed, nor are bits that rot on the disk: `verify` finds those.)
//!
//! **Lost, or never here?** A store may be restored with records only (a CI cache without the gigabytes). Its records
//! are hits as long as no stage needs the bytes. But a deleted object must be noticed. The *home* tells the two cases
//! apart: a random identity of the folder `objects/`, which changes when that folder is created anew. A record
//! remembers the home of its objects. An absent object is [`Check::Missing`] if `objects/` has the record's home, and
//! [`Check::Elsewhere`] if `objects/` does not exist or has another home. So deleting files below `objects/` is a
//! loss, and deleting the folder itself is a decision to keep only the records.

use std::path::Path;

use super::{ActionRecord, Damage, Result, Store, StoredArtifact, layout::Layout, quarantine::quarantine};
use crate::{
    digest::Digest,
    fsx::{self, Kind, StatTuple},
};

/// What is known of an artifact's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// They are here, untouched since they were published.
    Intact,
    /// They are here and right, but the file was touched (copied, restored) and now has this stat tuple.
    /// [`Store::refresh`] remembers it.
    IntactButTouched(StatTuple),
    /// They were wrong, and the file was quarantined: the artifact must be made again.
    Damaged(Damage),
    /// They were here and are gone: the artifact must be made again.
    Missing,
    /// They were never here: the record is a hit as long as no stage needs them.
    Elsewhere,
}

impl Check {
    /// Whether the bytes can be read here.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(self, Self::Intact | Self::IntactButTouched(_))
    }
}

impl Store {
    /// Checks the bytes of one of a record's artifacts.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn check(&self, record: &ActionRecord, artifact: &StoredArtifact) -> Result<Check> {
        let path = self.layout.object(&artifact.digest);
        match fsx::stat_there(&path)? {
            Some(stat) if artifact.stat == Some(stat) => Ok(Check::Intact),
            Some(stat) => examine(&self.layout, &path, &artifact.digest, artifact.size, stat),
            None if self.layout.home()?.is(record.home.as_deref()) => Ok(Check::Missing),
            None => Ok(Check::Elsewhere),
        }
    }
}

/// Hashes an object whose stat tuple is not the expected one.
pub(super) fn examine(
    layout: &Layout,
    path: &Path,
    digest: &Digest,
    size: u64,
    stat: StatTuple,
) -> Result<Check> {
    let what = if let Some(what) = fsx::non_file(path) {
        what.to_owned()
    } else if stat.size != size {
        format!("it has {} bytes instead of {size}", stat.size)
    } else {
        match fsx::hash_file(path) {
            Ok(hashed) if hashed.digest == *digest => return Ok(Check::IntactButTouched(hashed.stat)),
            Ok(hashed) => format!("its content has the digest {}", hashed.digest.short()),
            Err(error) if error.kind() == Kind::NotFound => return Ok(Check::Missing),
            Err(error) if error.kind().is_about_this_file() => error.words(),
            Err(error) => return Err(error.into()),
        }
    };
    Ok(Check::Damaged(quarantine(layout, path, &stat, what)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Options, testing::Case};

    #[test]
    fn an_untouched_object_is_trusted_and_a_touched_one_is_hashed_once() {
        let case = Case::new();
        let record = case.record(&["content", "other"]);
        assert_eq!(case.check(&record), Check::Intact);
        case.tamper(&record, |path| fs::write(path, "content").unwrap());
        let checks = case.checks(&record);
        assert!(matches!(checks["0"], Check::IntactButTouched(_)));
        assert_eq!(checks["1"], Check::Intact);
        assert!(case.store.refresh(&record, &checks).unwrap());
        let refreshed = case.store.record(&record.key).unwrap().found().unwrap();
        assert_eq!(case.check(&refreshed), Check::Intact);
        assert!(!case.store.refresh(&record, &checks).unwrap(), "an outdated record overwrites nothing");
    }

    #[test]
    fn a_key_that_is_being_executed_is_not_refreshed() {
        let case = Case::new();
        let record = case.record(&["content"]);
        case.tamper(&record, |path| fs::write(path, "content").unwrap());
        let checks = case.checks(&record);
        let lock = case.store.try_lock(&record.key, "a forced run").unwrap();
        assert!(!case.store.refresh(&record, &checks).unwrap());
        drop(lock);
        assert!(case.store.refresh(&record, &checks).unwrap());
    }

    #[test]
    fn flipped_truncated_and_longer_objects_are_moved_away_and_can_be_made_again() {
        let case = Case::new();
        for (content, said) in [
            ("kontent", "its content has the digest"),
            ("cont", "it has 4 bytes instead of 7"),
            ("", "it has 0 bytes instead of 7"),
            ("content+", "it has 8 bytes instead of 7"),
        ] {
            let record = case.record(&["content"]);
            case.tamper(&record, |path| fs::write(path, content).unwrap());
            let Check::Damaged(damage) = case.check(&record) else { panic!("{content:?} was not noticed") };
            assert!(damage.to_string().contains(said), "{damage}");
            assert_eq!(fs::read_to_string(damage.moved_to.unwrap()).unwrap(), content);
            assert_eq!(case.check(&record), Check::Missing, "what is damaged is no longer there");
            assert_eq!(case.check(&case.record(&["content"])), Check::Intact);
        }
    }

    #[test]
    fn a_deleted_object_is_lost_but_one_of_a_store_restored_without_objects_is_elsewhere() {
        let case = Case::new();
        let record = case.record(&["content", "other"]);
        fs::remove_file(case.store.layout.object(&record.artifacts.get("0").unwrap().digest)).unwrap();
        assert_eq!(case.check(&record), Check::Missing);
        // All files deleted, but not the folders: lost as well.
        fs::remove_file(case.store.layout.object(&record.artifacts.get("1").unwrap().digest)).unwrap();
        assert_eq!(case.checks(&record)["1"], Check::Missing);

        fs::remove_dir_all(&case.store.layout.objects).unwrap();
        assert_eq!(case.check(&record), Check::Elsewhere);
        // That stays so when other objects are published.
        case.publish(b"of another stage");
        assert_eq!(case.check(&record), Check::Elsewhere);
        // When the bytes are published again, they can be lost again.
        let again = case.record(&["content", "other"]);
        assert_eq!(case.check(&again), Check::Intact);
        fs::remove_file(case.store.layout.object(&again.artifacts.get("0").unwrap().digest)).unwrap();
        assert_eq!(case.check(&again), Check::Missing);
    }

    #[test]
    fn a_store_copied_elsewhere_is_hashed_once_and_then_trusted() {
        let case = Case::new();
        let record = case.record(&["content", "other"]);
        let copy = case.folder.path().join("copy");
        let copied = std::process::Command::new("cp").arg("-r").arg(case.store.root()).arg(&copy).status();
        assert!(copied.unwrap().success());
        let case = Case { store: Store::open(&copy, Options::default()).unwrap(), ..case };
        let checks = case.checks(&record);
        assert!(checks.values().all(|check| matches!(check, Check::IntactButTouched(_))), "{checks:?}");
        assert!(case.store.refresh(&record, &checks).unwrap());
        let refreshed = case.store.record(&record.key).unwrap().found().unwrap();
        assert!(case.checks(&refreshed).values().all(|check| *check == Check::Intact));
    }
}
