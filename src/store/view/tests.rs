//! What is shown, and what a crash leaves of it.

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
        let artifacts: Vec<_> = files.iter().map(|(name, content)| self.artifact(name, content)).collect();
        self.store.show(&self.target(), &artifacts).unwrap()
    }

    /// What people see: names and contents, without what is hidden.
    fn seen(&self) -> Vec<(String, String)> {
        let names = fsx::list(&self.target()).unwrap().into_iter().map(|name| name.into_string().unwrap());
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
    let seen = [("a.txt", "ours"), ("a.txt.kept", "edited by me"), ("b.txt", "new"), ("notes.txt", "mine")];
    assert_eq!(case.seen(), pairs(&seen));
    // Shown again after another change, the kept ones stay where they are.
    assert_eq!(case.show(&[("a.txt", "newer")]).kept, Vec::<PathBuf>::new());
    let seen = [("a.txt", "newer"), ("a.txt.kept", "edited by me"), ("notes.txt", "mine")];
    assert_eq!(case.seen(), pairs(&seen));
}

#[test]
fn a_folder_made_by_others_is_shared_and_a_file_in_the_way_is_an_error() {
    let case = Case::new();
    fs::create_dir_all(case.target()).unwrap();
    fs::write(case.target().join("a.txt"), "mine").unwrap();
    case.show(&[("a.txt", "ours")]);
    assert_eq!(case.seen(), pairs(&[("a.txt", "ours"), ("a.txt.kept", "mine")]));
    let file = case.out().join("file");
    fs::write(&file, "").unwrap();
    let error = case.store.show(&file, &[case.artifact("x", "x")]).unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
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
        let (object, away) = (case.store.layout.object(&big.digest), case.folder.path().join("away"));
        fs::rename(&object, &away).unwrap();
        let shown = case.store.show(&case.target(), [&big]).unwrap();
        assert_eq!(shown, Shown { absent: vec!["train.h5".to_owned()], ..Shown::default() });
        fs::rename(&away, &object).unwrap();
    }
    assert!(case.store.show(&case.target(), [&case.artifact("a", "a")]).unwrap().changed);
    assert_eq!(case.seen(), pairs(&[("a", "a")]));
    assert!(case.store.layout.object(&big.digest).exists());
}

#[test]
fn bytes_that_are_elsewhere_are_named_and_shown_once_they_are_here() {
    let case = Case::new();
    let here = case.artifact("here.txt", "here");
    let mut away = case.artifact("away.txt", "away");
    let object = case.store.layout.object(&away.digest);
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
    // A killed process leaves the file of its lock.
    let target = std::path::absolute(case.target()).unwrap();
    fs::write(case.store.layout.locks.join(lock_name(&target)), "the dead").unwrap();
    case.show(&[("a.txt", "two")]);
    assert!(!unfinished.exists());
    assert_eq!(case.seen(), pairs(&[("a.txt", "two"), ("notes.txt", "mine")]));

    // Killed after the exchange: what was shown before has the hidden name with the shown one's ID.
    let id = read_marker(&case.target()).unwrap().unwrap().id;
    let exchanged = case.out().join(format!("{prefix}{id}"));
    fs::create_dir(&exchanged).unwrap();
    fs::write(exchanged.join("more notes.txt"), "mine too").unwrap();
    // Killed between the two renames where folders cannot be exchanged.
    let aside = case.out().join(format!("{prefix}fedcba9876543210.{}", fsx::REPLACED));
    fs::rename(case.target(), &aside).unwrap();
    fs::create_dir(case.target()).unwrap();
    fs::copy(aside.join(MARKER), case.target().join(MARKER)).unwrap();
    assert!(
        case.store.hide_others(&case.out(), &BTreeSet::from(["train.bäse".to_owned()])).unwrap().is_empty()
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
    let sets =
        ["one", "two"].map(|text| [case.artifact("a.txt", text), case.artifact("b.txt", &text.repeat(2))]);
    std::thread::scope(|scope| {
        for set in sets.iter().cycle().take(8) {
            let case = &case;
            scope.spawn(move || (0..10).for_each(|_| drop(case.store.show(&case.target(), set).unwrap())));
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
    assert_eq!(fsx::list(&case.out()).unwrap(), ["train.base", "train.older", "trials"].map(OsString::from));
    assert_eq!(fsx::list(&case.out().join("train.older")).unwrap(), ["notes.txt"]);
    assert!(case.out().join("train.base/a.txt").exists());
}

#[test]
fn names_that_would_lead_elsewhere_are_refused() {
    let case = Case::new();
    for name in ["a/b", MARKER] {
        let artifact = StoredArtifact { file: Below::new(name).unwrap(), ..case.artifact("x", "x") };
        let error = case.store.show(&case.target(), [&artifact]).unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{name:?}: {error}");
    }
    let twice = case.artifact("x", "x");
    assert!(case.store.show(&case.target(), [&twice, &twice]).is_err());
}
