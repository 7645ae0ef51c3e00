//! The state of files at a moment: enough to see that one was edited, replaced, removed or came back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::fsx::{self, StatTuple};

/// How some files stand; `None` for what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, Option<StatTuple>>);

impl Snapshot {
    /// How these stand now; of a folder, all that is in it.
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let mut all = BTreeMap::new();
        paths.into_iter().for_each(|path| add(path, &mut all));
        Self(all)
    }

    /// The files in which two differ.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a Path> {
        let names: BTreeSet<&PathBuf> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |path: &&PathBuf| self.0.get(*path) != other.0.get(*path);
        names.into_iter().filter(differs).map(PathBuf::as_path).collect()
    }
}

fn add(path: &Path, all: &mut BTreeMap<PathBuf, Option<StatTuple>>) {
    // What cannot be looked at is as good as not there.
    let stat = fsx::stat(path).ok().flatten();
    if stat.is_some() && path.is_dir() {
        for name in fsx::list(path).unwrap_or_default() {
            add(&path.join(name), all);
        }
        // That it is there counts, not when something in it changed last.
        all.insert(path.to_owned(), Some(StatTuple { size: 0, mtime_ns: 0, inode: 0, ctime_ns: 0 }));
        return;
    }
    all.insert(path.to_owned(), stat);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn edits_replacements_and_absences_are_seen_and_reads_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let [file, other] = ["a.toml", "b"].map(|name| folder.path().join(name));
        let paths = BTreeSet::from([file.clone(), other.clone()]);
        let mut before = Snapshot::of(&paths);
        let mut changed = |expected: &[&Path]| {
            let now = Snapshot::of(&paths);
            assert_eq!(before.differences(&now), expected);
            before = now;
        };
        changed(&[]);
        fs::write(&file, "a").unwrap();
        changed(&[&file]);
        fs::read(&file).unwrap();
        changed(&[]);
        fs::write(folder.path().join("tmp"), "b").unwrap();
        changed(&[]);
        fs::rename(folder.path().join("tmp"), &file).unwrap();
        changed(&[&file]);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&other).unwrap();
        changed(&[&file, &other]);
        fs::write(other.join("in"), "").unwrap();
        changed(&[&other.join("in")]);
    }
}
