//! Shows a stage's artifacts to people in a folder of their own, `out/<pipeline>/<kind>.<name>/`.
//!
//! The folder is built beside its place and put there in one step. A hidden marker in it lists what we put
//! in, with stat tuples, so that a folder that is already right costs a few stats, and so that nothing is
//! ever deleted that is not ours: what is not in the list, or was edited since, is carried over into the
//! new folder (under another name where its own is taken).

mod marker;
mod replace;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::PoisonError,
};

use super::{Error, Result, Store, StoredArtifact, layout::Layout};
use crate::{
    digest::Digest,
    fsx::{self, Exposed, FileLock, TryLock},
};
use marker::{MARKER, Marker, read_marker, remove_ours, stat_shown};
use replace::{clear_up, replace, target_of};

/// What the names of the locks of shown folders begin with.
pub(super) const VIEW_LOCK: &str = "view-";

/// What showing a folder did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether anything changed.
    pub changed: bool,
    /// Files of others that had a name that ours need: where they are now.
    pub kept: Vec<PathBuf>,
    /// Files that are not shown because their bytes are not in this store.
    pub absent: Vec<String>,
}

impl Store {
    /// Shows artifacts under their file names in the folder `target`, and nothing of ours that was shown
    /// there before. Costs a read and a stat per file where that is so already.
    ///
    /// # Errors
    /// Where a file's name is unfit, something other than a folder stands at `target`, or it cannot be
    /// written.
    pub fn show<'a>(
        &self,
        target: &Path,
        artifacts: impl IntoIterator<Item = &'a StoredArtifact>,
    ) -> Result<Shown> {
        let wanted = by_name(artifacts)?;
        let target = std::path::absolute(target).map_err(fsx::Error::at("resolve", target))?;
        if let Some(shown) = self.already_right(&target, &wanted)? {
            return Ok(shown);
        }
        refuse_what_is_no_folder(&target)?;
        let lock = self.lock_view(&target);
        match self.already_right(&target, &wanted)? {
            Some(shown) => Ok(shown),
            None => {
                if let Some(lock) = &lock {
                    self.clear_up_for(&target, lock)?;
                }
                let shown = replace(&self.layout, &target, &wanted)?;
                // Learnt for the next run.
                self.marker(&target)?;
                Ok(shown)
            }
        }
    }

    /// Removes what we show in the folders below `parent` other than `keep`: stages that the pipeline no
    /// longer has. What others put there stays. Returns the names of the folders that are gone. Also clears
    /// up what a crash left beside folders.
    ///
    /// # Errors
    /// Where something cannot be removed.
    pub fn hide_others(&self, parent: &Path, keep: &BTreeSet<String>) -> Result<Vec<String>> {
        let parent = std::path::absolute(parent).map_err(fsx::Error::at("resolve", parent))?;
        let mut gone = Vec::new();
        for name in fsx::list(&parent)? {
            let Some(name) = name.to_str() else { continue };
            if let Some(interrupted) = target_of(name) {
                let target = parent.join(interrupted);
                if let Some(_lock) = self.lock_view(&target) {
                    clear_up(&target)?;
                }
            } else if !keep.contains(name) && self.hide(&parent.join(name))? {
                gone.push(name.to_owned());
            }
        }
        Ok(gone)
    }

    /// Finishes what a crash left of a folder that is about to be replaced. A crash leaves its lock's file, so
    /// that nobody has to look for what is not there; what older ones left, and whoever had no locks, is
    /// looked for once, beside all folders. Only for the holder of the folder's lock.
    fn clear_up_for(&self, target: &Path, lock: &FileLock) -> Result<()> {
        let parent = fsx::parent(target);
        let known = !self.tidied.lock().unwrap_or_else(PoisonError::into_inner).insert(parent.clone());
        if lock.follows_another() || !known {
            clear_up(target)?;
        }
        if known {
            return Ok(());
        }
        for name in fsx::list(&parent)? {
            let Some(other) = name.to_str().and_then(target_of).map(|name| parent.join(name)) else {
                continue;
            };
            // Whoever holds its lock clears up itself; waiting for that one could be for ever.
            if other != target
                && let Some(_lock) = self.try_lock_view(&other)
            {
                clear_up(&other)?;
            }
        }
        Ok(())
    }

    /// What there is to say if the folder shows exactly what it should.
    fn already_right(&self, target: &Path, wanted: &BTreeMap<&str, Digest>) -> Result<Option<Shown>> {
        let Some(marker) = self.marker(target)? else {
            // Nothing to show and nothing shown: no folder is made for that.
            let absent = absent(&self.layout, wanted)?;
            let nothing = absent.len() == wanted.len() && fsx::stat_link(target)?.is_none();
            return Ok(nothing.then(|| Shown { absent, ..Shown::default() }));
        };
        as_it_should_be(&self.layout, target, &marker, wanted)
    }

    /// The marker of a folder; read only if it is not remembered what it says.
    fn marker(&self, target: &Path) -> Result<Option<Marker>> {
        if !self.recall.is_wanted() {
            return read_marker(target);
        }
        let path = target.join(MARKER);
        // What cannot be looked at cannot be read either: that says what to do about it.
        let Ok(Some(stat)) = fsx::stat(&path) else { return read_marker(target) };
        let id = Digest::of(path.as_os_str().as_encoded_bytes());
        if let Some(marker) = self.recall.get(&id, &stat, |bytes| serde_json::from_slice(bytes).ok()) {
            return Ok(Some(marker));
        }
        let marker = read_marker(target)?;
        if let Some(marker) = &marker
            && fsx::stat(&path)? == Some(stat)
            && let Ok(bytes) = serde_json::to_vec(marker)
        {
            self.recall.learn(id, stat, bytes);
        }
        Ok(marker)
    }

    /// Where an artifact is shown in the folder `target`, if it is shown there as it is.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn shown(&self, target: &Path, artifact: &StoredArtifact) -> Result<Option<PathBuf>> {
        let Some(marker) = read_marker(target)? else { return Ok(None) };
        let path = target.join(&artifact.file);
        let entry = marker.files.get(&artifact.file).filter(|entry| entry.digest == artifact.digest);
        let as_made = match entry {
            Some(entry) => entry.stat.is_some() && stat_shown(&path, &artifact.file)? == entry.stat,
            None => false,
        };
        Ok(as_made.then_some(path))
    }

    /// Removes what we show in a folder. True if it was all there was, and the folder is gone.
    fn hide(&self, folder: &Path) -> Result<bool> {
        let Some(marker) = read_marker(folder)? else { return Ok(false) };
        let _lock = self.lock_view(folder);
        remove_ours(folder, &marker)?;
        Ok(fsx::remove_folder_if_empty(folder)?)
    }

    /// The lock for changing what a folder shows; `None` where the store cannot be written or its file
    /// system has no locks: the change is made without it.
    fn lock_view(&self, target: &Path) -> Option<FileLock> {
        self.layout.short_lock(&lock_name(target)).ok().filter(FileLock::is_enforced)
    }

    /// As `lock_view`, unless somebody else has it.
    fn try_lock_view(&self, target: &Path) -> Option<FileLock> {
        match FileLock::try_acquire(&self.layout.locks().join(lock_name(target)), "a short update") {
            Ok(TryLock::Acquired(lock)) => Some(lock).filter(FileLock::is_enforced),
            Ok(TryLock::Held(_)) | Err(_) => None,
        }
    }
}

fn lock_name(target: &Path) -> String {
    format!("{VIEW_LOCK}{}", Digest::of(target.as_os_str().as_encoded_bytes()).hex())
}

fn by_name<'a>(artifacts: impl IntoIterator<Item = &'a StoredArtifact>) -> Result<BTreeMap<&'a str, Digest>> {
    let mut wanted = BTreeMap::new();
    for artifact in artifacts {
        let name = artifact.file.as_str();
        let bad = |why| Err(Error::BadName { name: name.to_owned(), why });
        let plain = name.strip_suffix('/').unwrap_or(name);
        if Path::new(plain).file_name() != Some(plain.as_ref()) || name.contains('\0') {
            return bad("it is not a plain file name");
        }
        if name == MARKER {
            return bad("pcamflow uses that name itself");
        }
        if wanted.insert(name, artifact.digest).is_some() {
            return bad("two artifacts have it");
        }
    }
    Ok(wanted)
}

/// What there is to say if the folder with that marker shows exactly what it should.
fn as_it_should_be(
    layout: &Layout,
    target: &Path,
    marker: &Marker,
    wanted: &BTreeMap<&str, Digest>,
) -> Result<Option<Shown>> {
    let listed = marker.files.iter().map(|(name, entry)| (name.as_str(), entry.digest));
    if !listed.eq(wanted.iter().map(|(name, digest)| (*name, *digest))) {
        return Ok(None);
    }
    let mut absent = Vec::new();
    for (name, entry) in &marker.files {
        let as_made = stat_shown(&target.join(name), name)? == entry.stat;
        let is_here = || Ok::<_, Error>(fsx::stat(&layout.object(&entry.digest))?.is_some());
        match entry.exposed {
            Some(Exposed::Copy | Exposed::Reflink) if as_made => {}
            // A link whose object is away leads nowhere until the object is back: nothing to be done here.
            Some(Exposed::Link) if as_made && is_here()? => {}
            Some(Exposed::Link) if as_made => absent.push(name.clone()),
            None if as_made && !is_here()? => absent.push(name.clone()),
            _ => return Ok(None),
        }
    }
    Ok(Some(Shown { absent, ..Shown::default() }))
}

fn absent(layout: &Layout, wanted: &BTreeMap<&str, Digest>) -> Result<Vec<String>> {
    let mut absent = Vec::new();
    for (name, digest) in wanted {
        if fsx::stat(&layout.object(digest))?.is_none() {
            absent.push((*name).to_owned());
        }
    }
    Ok(absent)
}

fn refuse_what_is_no_folder(target: &Path) -> Result<()> {
    match target.symlink_metadata() {
        Ok(metadata) if !metadata.is_dir() => Err(Error::InTheWay { path: target.to_owned() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, fs};

    use super::*;
    use crate::store::Options;

    struct Case {
        folder: tempfile::TempDir,
        store: Store,
    }

    impl Case {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("store"), Options::default()).unwrap();
            Self { folder, store }
        }

        fn out(&self) -> PathBuf {
            self.folder.path().join("out/full")
        }

        fn target(&self) -> PathBuf {
            self.out().join("train.bäse")
        }

        fn artifact(&self, name: &str, content: &str) -> StoredArtifact {
            let path = self.folder.path().join(name);
            fs::write(&path, content).unwrap();
            self.store.publish(&path).unwrap()
        }

        fn show(&self, files: &[(&str, &str)]) -> Shown {
            let artifacts: Vec<_> =
                files.iter().map(|(name, content)| self.artifact(name, content)).collect();
            self.store.show(&self.target(), &artifacts).unwrap()
        }

        /// What people see: names and contents, without what is hidden.
        fn seen(&self) -> Vec<(String, String)> {
            let names =
                fsx::list(&self.target()).unwrap().into_iter().map(|name| name.into_string().unwrap());
            let read = |name: String| (fs::read_to_string(self.target().join(&name)).unwrap(), name);
            names.filter(|name| !name.starts_with('.')).map(read).map(|(text, name)| (name, text)).collect()
        }
    }

    fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_folder_shows_what_it_should_and_nothing_of_before_and_is_left_alone_when_right() {
        let case = Case::new();
        let first = [("history.json", "{}"), ("model.safetensors", "weights")];
        assert!(case.show(&first).changed);
        assert_eq!(case.seen(), pairs(&first));
        let before = fsx::stat(&case.target()).unwrap();
        assert_eq!(case.show(&first), Shown::default());
        assert_eq!(fsx::stat(&case.target()).unwrap(), before);

        let second = [("model.safetensors", "other weights"), ("roc.svg", "<svg/>")];
        assert_eq!(case.show(&second), Shown { changed: true, ..Shown::default() });
        assert_eq!(case.seen(), pairs(&second));
        assert_eq!(fsx::list(&case.out()).unwrap().len(), 1, "nothing hidden is left beside it");
    }

    #[test]
    fn what_others_put_there_is_never_deleted() {
        let case = Case::new();
        case.show(&[("a.txt", "ours"), ("b.txt", "ours")]);
        fs::write(case.target().join("notes.txt"), "mine").unwrap();
        fs::create_dir(case.target().join("my folder")).unwrap();
        fs::remove_file(case.target().join("a.txt")).unwrap();
        fs::write(case.target().join("a.txt"), "edited by me").unwrap();
        fs::remove_file(case.target().join("b.txt")).unwrap();
        fs::write(case.target().join("b.txt"), "ours").unwrap();
        let shown = case.show(&[("a.txt", "ours"), ("b.txt", "new")]);
        assert_eq!(shown.kept, [case.target().join("a.txt.kept")]);
        assert!(case.target().join("my folder").is_dir());
        fs::remove_dir(case.target().join("my folder")).unwrap();
        let seen =
            [("a.txt", "ours"), ("a.txt.kept", "edited by me"), ("b.txt", "new"), ("notes.txt", "mine")];
        assert_eq!(case.seen(), pairs(&seen));
        // Shown again after another change, the kept ones stay where they are.
        assert_eq!(case.show(&[("a.txt", "newer")]).kept, Vec::<PathBuf>::new());
        let seen = [("a.txt", "newer"), ("a.txt.kept", "edited by me"), ("notes.txt", "mine")];
        assert_eq!(case.seen(), pairs(&seen));
    }

    #[test]
    fn a_folder_that_somebody_else_made_is_shared_and_a_file_in_the_way_is_an_error() {
        let case = Case::new();
        fs::create_dir_all(case.target()).unwrap();
        fs::write(case.target().join("a.txt"), "mine").unwrap();
        case.show(&[("a.txt", "ours")]);
        assert_eq!(case.seen(), pairs(&[("a.txt", "ours"), ("a.txt.kept", "mine")]));
        let file = case.out().join("file");
        fs::write(&file, "").unwrap();
        let error = case.store.show(&file, &[case.artifact("x", "x")]).unwrap_err();
        assert!(matches!(error, Error::InTheWay { .. }), "{error}");
        // A link to a folder of theirs is not replaced either.
        let link = case.out().join("link");
        std::os::unix::fs::symlink(case.target(), &link).unwrap();
        assert!(case.store.show(&link, &[case.artifact("x", "x")]).is_err());
    }

    #[test]
    fn a_removed_edited_or_damaged_file_of_ours_is_shown_again() {
        let case = Case::new();
        let files = [("a.txt", "ours"), ("b.txt", "ours too")];
        case.show(&files);
        fs::remove_file(case.target().join("a.txt")).unwrap();
        assert!(case.show(&files).changed);
        assert_eq!(case.seen(), pairs(&files));
        fs::write(case.target().join(MARKER), "{").unwrap();
        assert!(case.show(&files).changed);
        assert_eq!(case.seen(), pairs(&files), "the same bytes need no second name");
        assert!(!case.show(&files).changed);
    }

    #[test]
    fn a_large_artifact_is_shown_without_copying_and_survives_replacement() {
        let case = Case::new();
        let path = case.folder.path().join("train.h5");
        fs::File::create(&path).unwrap().set_len(fsx::COPY_LIMIT + 1).unwrap();
        let big = case.store.publish(&path).unwrap();
        case.store.show(&case.target(), [&big]).unwrap();
        assert_eq!(case.target().join("train.h5").metadata().unwrap().len(), fsx::COPY_LIMIT + 1);
        assert_eq!(case.store.show(&case.target(), [&big]).unwrap(), Shown::default());
        if case.target().join("train.h5").is_symlink() {
            let (object, away) = (case.store.object(&big.digest), case.folder.path().join("away"));
            fs::rename(&object, &away).unwrap();
            let shown = case.store.show(&case.target(), [&big]).unwrap();
            assert_eq!(shown, Shown { absent: vec!["train.h5".to_owned()], ..Shown::default() });
            fs::rename(&away, &object).unwrap();
        }
        assert!(case.store.show(&case.target(), [&case.artifact("a", "a")]).unwrap().changed);
        assert_eq!(case.seen(), pairs(&[("a", "a")]));
        assert!(case.store.object(&big.digest).exists());
    }

    #[test]
    fn bytes_that_are_elsewhere_are_named_and_shown_once_they_are_here() {
        let case = Case::new();
        let here = case.artifact("here.txt", "here");
        let mut away = case.artifact("away.txt", "away");
        let object = case.store.object(&away.digest);
        fs::remove_file(&object).unwrap();
        away.stat = None;
        let nothing = case.store.show(&case.target(), [&away]).unwrap();
        assert_eq!(nothing, Shown { absent: vec!["away.txt".to_owned()], ..Shown::default() });
        assert!(!case.out().exists(), "no folder is made to show nothing");
        for changed in [true, false] {
            let shown = case.store.show(&case.target(), [&here, &away]).unwrap();
            assert_eq!((shown.changed, shown.absent), (changed, vec!["away.txt".to_owned()]));
        }
        case.artifact("away.txt", "away");
        let shown = case.store.show(&case.target(), [&here, &away]).unwrap();
        assert_eq!(shown, Shown { changed: true, ..Shown::default() });
        assert_eq!(case.seen(), pairs(&[("away.txt", "away"), ("here.txt", "here")]));
    }

    #[test]
    fn a_crash_at_any_step_loses_nothing_of_others_and_leaves_nothing_of_ours() {
        let case = Case::new();
        let prefix = ".train.bäse.pcamflow-";
        case.show(&[("a.txt", "one")]);
        fs::write(case.target().join("notes.txt"), "mine").unwrap();
        // Killed while building: a hidden folder that never was shown, in whatever state.
        let unfinished = case.out().join(format!("{prefix}0123456789abcdef"));
        fs::create_dir(&unfinished).unwrap();
        fs::write(unfinished.join("a.txt"), "ha").unwrap();
        // Whoever is killed leaves the file of the lock that it held.
        let target = std::path::absolute(case.target()).unwrap();
        fs::write(case.store.layout.locks().join(lock_name(&target)), "the dead").unwrap();
        case.show(&[("a.txt", "two")]);
        assert!(!unfinished.exists());
        assert_eq!(case.seen(), pairs(&[("a.txt", "two"), ("notes.txt", "mine")]));

        // Killed after the exchange: what was shown before has the hidden name with the shown one's ID.
        let id = read_marker(&case.target()).unwrap().unwrap().id;
        let exchanged = case.out().join(format!("{prefix}{id}"));
        fs::create_dir(&exchanged).unwrap();
        fs::write(exchanged.join("more notes.txt"), "mine too").unwrap();
        // Killed between the two renames where folders cannot be exchanged.
        let aside = case.out().join(format!("{prefix}fedcba9876543210{}", fsx::REPLACED));
        fs::rename(case.target(), &aside).unwrap();
        fs::create_dir(case.target()).unwrap();
        fs::copy(aside.join(MARKER), case.target().join(MARKER)).unwrap();
        assert!(
            case.store
                .hide_others(&case.out(), &BTreeSet::from(["train.bäse".to_owned()]))
                .unwrap()
                .is_empty()
        );
        assert_eq!(fsx::list(&case.out()).unwrap().len(), 1);
        case.show(&[("a.txt", "three")]);
        let seen = [("a.txt", "three"), ("more notes.txt", "mine too"), ("notes.txt", "mine")];
        assert_eq!(case.seen(), pairs(&seen));
        assert_eq!(fsx::list(&case.out()).unwrap().len(), 1);
    }

    #[test]
    fn what_a_crash_left_without_a_lock_is_found_by_the_next_process() {
        let case = Case::new();
        case.show(&[("a.txt", "one")]);
        let id = read_marker(&case.target()).unwrap().unwrap().id;
        let exchanged = case.out().join(format!(".train.bäse.pcamflow-{id}"));
        fs::create_dir(&exchanged).unwrap();
        fs::write(exchanged.join("notes.txt"), "mine").unwrap();
        let artifact = case.artifact("b.txt", "other");
        let store = Store::open(case.store.root(), crate::store::Options::default()).unwrap();
        store.show(&case.out().join("train.other"), [&artifact]).unwrap();
        assert!(!exchanged.exists(), "beside whichever folder it shows first");
        assert_eq!(case.seen(), pairs(&[("a.txt", "one"), ("notes.txt", "mine")]));
    }

    #[test]
    fn two_runs_that_show_at_once_leave_one_whole_folder() {
        let case = Case::new();
        let sets = ["one", "two"]
            .map(|text| [case.artifact("a.txt", text), case.artifact("b.txt", &text.repeat(2))]);
        std::thread::scope(|scope| {
            for set in sets.iter().cycle().take(8) {
                let case = &case;
                scope
                    .spawn(move || (0..10).for_each(|_| drop(case.store.show(&case.target(), set).unwrap())));
            }
        });
        let seen = case.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].1.repeat(2), seen[1].1);
        assert_eq!(fsx::list(&case.out()).unwrap().len(), 1);
    }

    #[test]
    fn folders_of_stages_that_are_gone_are_hidden_and_others_stay() {
        let case = Case::new();
        let artifact = case.artifact("a.txt", "ours");
        for name in ["train.base", "train.old", "train.older"] {
            case.store.show(&case.out().join(name), [&artifact]).unwrap();
        }
        fs::write(case.out().join("train.older/notes.txt"), "mine").unwrap();
        fs::create_dir_all(case.out().join("trials/one")).unwrap();
        let keep = BTreeSet::from(["train.base".to_owned()]);
        assert_eq!(case.store.hide_others(&case.out(), &keep).unwrap(), ["train.old"]);
        assert_eq!(
            fsx::list(&case.out()).unwrap(),
            ["train.base", "train.older", "trials"].map(OsString::from)
        );
        assert_eq!(fsx::list(&case.out().join("train.older")).unwrap(), ["notes.txt"]);
        assert!(case.out().join("train.base/a.txt").exists());
    }

    #[test]
    fn names_that_would_lead_elsewhere_are_refused() {
        let case = Case::new();
        for name in ["", ".", "..", "../x", "a/b", "/x", "a\0b", MARKER] {
            let artifact = StoredArtifact { file: name.to_owned(), ..case.artifact("x", "x") };
            let error = case.store.show(&case.target(), [&artifact]).unwrap_err();
            assert!(matches!(error, Error::BadName { .. }), "{name:?}: {error}");
        }
        let twice = case.artifact("x", "x");
        assert!(case.store.show(&case.target(), [&twice, &twice]).is_err());
    }
}
