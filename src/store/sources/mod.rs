//! Digests of source files and folders: each is hashed once, then remembered by path and stat tuple.

mod index;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rayon::prelude::*;

use super::{
    Result,
    layout::Layout,
    meter::{Meter, Progress},
};
use crate::{
    digest::Digest,
    fsx::{self, Links, StatTuple},
};
use index::{Index, Known, load, name_of, save};

/// The digests of source files. While its stat tuple stays, no file is hashed twice.
#[derive(Debug)]
pub struct Sources {
    layout: Arc<Layout>,
    // Loaded when it is first needed.
    known: Mutex<Option<Index>>,
}

impl Sources {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self { layout, known: Mutex::new(None) }
    }

    /// The digests of files, in the given order. Those that are not remembered are hashed in parallel. `progress` is
    /// called from several threads, only if something is hashed.
    #[must_use]
    pub fn digests(&self, paths: &[PathBuf], progress: &(dyn Fn(Progress) + Sync)) -> Vec<Result<Digest>> {
        let remembered: Vec<_> = paths.iter().map(|path| self.remembered(path)).collect();
        let to_hash = remembered.iter().flatten().filter(|found| found.known.is_none());
        let meter = Meter::new(to_hash.map(|found| found.stat.size).sum(), progress);
        let serve = |found: Result<Found>| match found {
            Ok(Found { known: Some(known), .. }) => (Ok(known.digest), None),
            Ok(found) => hash(&found, &meter),
            Err(error) => (Err(error), None),
        };
        // A rerun with nothing to hash starts no threads.
        let (digests, learnt): (Vec<_>, Vec<_>) =
            if remembered.iter().flatten().all(|found| found.known.is_some()) {
                remembered.into_iter().map(serve).unzip()
            } else {
                remembered.into_par_iter().map(serve).unzip()
            };
        self.learn(learnt.into_iter().flatten().collect());
        digests
    }

    /// The digest of one file; see [`Sources::digests`].
    ///
    /// # Errors
    /// Where it does not exist, cannot be read, or is modified meanwhile.
    pub fn digest(&self, path: &Path) -> Result<Digest> {
        self.digests(&[path.to_owned()], &|_| ()).pop().expect("one path has one result")
    }

    /// Whether a file still has the digest that [`Sources::digests`] returned in this process: the result of a stage
    /// that read a modified file must not be recorded under the old digest. If the clock of the file system is too
    /// coarse for the stat tuple to prove it, the file is hashed again.
    #[must_use]
    pub fn is_unchanged(&self, path: &Path) -> bool {
        let Ok(path) = std::path::absolute(path) else { return false };
        let known = self.index().as_ref().and_then(|index| index.get(&name_of(&path)).copied());
        let (Some(known), Ok(now)) = (known, self.remembered(&path)) else { return false };
        if now.stat != known.stat || !known.unsettled {
            return now.stat == known.stat;
        }
        let (digest, learnt) = hash(&now, &Meter::new(0, &|_| ()));
        self.learn(learnt.into_iter().collect());
        digest.is_ok_and(|digest| digest == known.digest)
    }

    fn remembered(&self, path: &Path) -> Result<Found> {
        let path = std::path::absolute(path).map_err(fsx::Error::at("resolve", path))?;
        let metadata = path.metadata().map_err(fsx::Error::at("read", &path))?;
        let folder = metadata.is_dir();
        let stat = match folder {
            true => fsx::stat_folder(&path, Links::Followed)?,
            false => StatTuple::from(&metadata),
        };
        let mut index = self.index();
        let index = index.get_or_insert_with(|| load(&self.layout));
        let known = index.get(&name_of(&path)).filter(|known| known.stat == stat).copied();
        Ok(Found { path, folder, stat, known })
    }

    /// Remembers new digests in this process, and the settled ones in the index.
    fn learn(&self, learnt: Vec<(String, Known)>) {
        if learnt.is_empty() {
            return;
        }
        let settled = learnt.iter().filter(|(_, known)| !known.unsettled).cloned().collect();
        self.index().get_or_insert_default().extend(learnt);
        if let Err(error) = save(&self.layout, settled) {
            tracing::debug!("cannot remember the digests of sources: {error}");
        }
    }

    fn index(&self) -> MutexGuard<'_, Option<Index>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An existing source, with its digest if that is remembered.
struct Found {
    path: PathBuf,
    folder: bool,
    stat: StatTuple,
    known: Option<Known>,
}

fn hash(found: &Found, meter: &Meter<'_>) -> (Result<Digest>, Option<(String, Known)>) {
    let _ = fsx::settles(&found.stat);
    let begun = fsx::now_ns();
    let read = |bytes| meter.add(bytes);
    let hashed = match found.folder {
        true => fsx::hash_folder(&found.path, &read),
        false => fsx::hash_file_with(&found.path, &read),
    };
    match hashed {
        Ok(hashed) => {
            let unsettled = !fsx::unsettled_for(&hashed.stat, begun).is_zero();
            let known = Known { digest: hashed.digest, stat: hashed.stat, unsettled };
            (Ok(hashed.digest), Some((name_of(&found.path), known)))
        }
        Err(error) => (Err(error.into()), None),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        ffi::OsStr,
        fs,
        os::unix::ffi::OsStrExt,
        sync::atomic::{AtomicU64, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::store::{Options, Store};

    /// More than a tick of the clock of any file system that tests run on.
    const TICK: Duration = Duration::from_millis(60);

    struct Case {
        folder: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        /// A source that was last changed long enough ago to be remembered.
        fn source(&self, name: &str, content: &str) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::write(&path, content).unwrap();
            std::thread::sleep(TICK);
            path
        }

        /// A store as a new process would open it.
        fn store(&self) -> Store {
            Store::open(&self.folder.path().join("store"), Options::default()).unwrap()
        }

        /// The digest, and how many bytes were read for it.
        fn digest(&self, path: &Path) -> (Digest, u64) {
            let read = AtomicU64::new(0);
            let count = |progress: Progress| read.store(progress.done, Ordering::Relaxed);
            let digests = self.store().sources().digests(&[path.to_owned()], &count);
            (digests.into_iter().next().unwrap().unwrap(), read.into_inner())
        }
    }

    #[test]
    fn a_source_is_read_once_and_again_when_it_changes_in_any_way() {
        let case = Case::new();
        let path = case.source("images öf tümors.h5", "one");
        assert_eq!(case.digest(&path), (Digest::of(b"one"), 3));
        assert_eq!(case.digest(&path), (Digest::of(b"one"), 0));
        let mtime = path.metadata().unwrap().modified().unwrap();
        case.source("images öf tümors.h5", "two");
        fs::File::options().write(true).open(&path).unwrap().set_modified(mtime).unwrap();
        assert_eq!(case.digest(&path), (Digest::of(b"two"), 3), "same size, old mtime put back");
        let other = case.source("other", "six");
        fs::rename(&other, &path).unwrap();
        std::thread::sleep(TICK);
        assert_eq!(case.digest(&path), (Digest::of(b"six"), 3), "another file in its place");
        assert_eq!(case.digest(&path).1, 0);
    }

    #[test]
    fn a_path_that_is_no_utf8_is_remembered_too() {
        let case = Case::new();
        let name = OsStr::from_bytes(b"im\xe4ges");
        let path = case.folder.path().join(name);
        fs::write(&path, "x").unwrap();
        assert_eq!(case.digest(&path).1, 1);
        assert_eq!(case.digest(&path).1, 0);
    }

    #[test]
    fn many_are_hashed_in_order_with_errors_in_their_places_and_one_total() {
        let case = Case::new();
        let mut paths: Vec<PathBuf> = (0..20).map(|i| case.folder.path().join(i.to_string())).collect();
        paths.iter().enumerate().for_each(|(i, path)| fs::write(path, "x".repeat(i)).unwrap());
        paths.insert(7, case.folder.path().join("absent"));
        let last = Mutex::new(Progress { done: 0, total: 0 });
        let note = |progress: Progress| {
            let mut last = last.lock().unwrap();
            if progress.done > last.done {
                *last = progress;
            }
        };
        let digests = case.store().sources().digests(&paths, &note);
        let message = digests[7].as_ref().unwrap_err().to_string();
        assert_eq!(message, format!("cannot read {}: No such file or directory", paths[7].display()));
        let there = digests.iter().flatten().copied().collect::<Vec<_>>();
        assert_eq!(there, (0..20).map(|i| Digest::of("x".repeat(i).as_bytes())).collect::<Vec<_>>());
        assert_eq!(last.into_inner().unwrap(), Progress { done: 190, total: 190 });
    }

    #[test]
    fn an_unsettled_digest_serves_this_process_and_not_the_next() {
        let case = Case::new();
        let path = case.source("x", "one");
        let store = case.store();
        let stat = fsx::stat(&path).unwrap().unwrap();
        let known = Known { digest: Digest::of(b"one"), stat, unsettled: true };
        store.sources().learn(vec![(name_of(&path), known)]);
        assert_eq!(store.sources().digest(&path).unwrap(), Digest::of(b"one"));
        assert!(load(&store.layout).is_empty());
        assert!(store.sources().is_unchanged(&path));
        assert_eq!(load(&store.layout).len(), 1, "it was hashed again, long after its last change");
    }

    #[test]
    fn an_edit_that_a_coarse_clock_hides_is_noticed_when_the_stage_ends() {
        let case = Case::new();
        let store = case.store();
        let folder = case.folder.path().join("folder");
        fs::create_dir(&folder).unwrap();
        // The stat tuple after the edit is the one from before it, as in one second of a coarse clock.
        for (path, at) in [(case.source("x", "two"), "x"), (folder, "folder/y")] {
            case.source(at, "two");
            let stat = store.sources().remembered(&path).unwrap().stat;
            let known = Known { digest: Digest::of(b"one"), stat, unsettled: true };
            store.sources().learn(vec![(name_of(&path), known)]);
            assert!(!store.sources().is_unchanged(&path), "{}", path.display());
            let known = Known { unsettled: false, ..known };
            store.sources().learn(vec![(name_of(&path), known)]);
            assert!(store.sources().is_unchanged(&path), "a settled file is not read again");
        }
    }

    #[test]
    fn a_source_that_changes_after_it_was_hashed_is_noticed() {
        let case = Case::new();
        let path = case.source("x", "one");
        let store = case.store();
        assert!(!store.sources().is_unchanged(&path), "its digest was not computed yet");
        store.sources().digest(&path).unwrap();
        assert!(store.sources().is_unchanged(&path));
        case.source("x", "two");
        assert!(!store.sources().is_unchanged(&path));
        fs::remove_file(&path).unwrap();
        assert!(!store.sources().is_unchanged(&path));
    }

    #[test]
    fn a_damaged_index_is_rebuilt() {
        let case = Case::new();
        let path = case.source("x", "one");
        case.digest(&path);
        let index = case.store().layout.sources.clone();
        let sound = fs::read(&index).unwrap();
        for damaged in [&sound[..sound.len() - 1], b"", b"garbage\n"] {
            fs::write(&index, damaged).unwrap();
            assert_eq!(case.digest(&path), (Digest::of(b"one"), 3));
            assert_eq!(fs::read(&index).unwrap(), sound);
        }
    }

    #[test]
    fn runs_at_once_lose_no_entry() {
        let case = Case::new();
        let paths: Vec<PathBuf> = (0..40).map(|i| case.folder.path().join(i.to_string())).collect();
        paths.iter().for_each(|path| fs::write(path, "x").unwrap());
        std::thread::sleep(TICK);
        std::thread::scope(|scope| {
            for paths in paths.chunks(5) {
                let store = case.store();
                scope.spawn(move || paths.iter().all(|path| store.sources().digest(path).is_ok()));
            }
        });
        assert_eq!(load(&case.store().layout).len(), 40);
    }
}
