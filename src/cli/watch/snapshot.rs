//! The state of files at a moment, to notice that one was edited, replaced, removed or created.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::fsx::{self, StatTuple};

/// The state of some files; `None` for a file that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, Option<StatTuple>>);

impl Snapshot {
    /// The current state of files, and of everything in folders.
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let mut all = BTreeMap::new();
        paths.into_iter().for_each(|path| add(path, &mut all));
        Self(all)
    }

    /// The files that differ between two snapshots.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a Path> {
        let names: BTreeSet<&PathBuf> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |path: &&PathBuf| self.0.get(*path) != other.0.get(*path);
        names.into_iter().filter(differs).map(PathBuf::as_path).collect()
    }
}

fn add(path: &Path, all: &mut BTreeMap<PathBuf, Option<StatTuple>>) {
    // A file that cannot be read counts as missing.
    let stat = fsx::stat(path).ok().flatten();
    if stat.is_some() && path.is_dir() {
        for name in fsx::list(path).unwrap_or_default() {
            add(&path.join(name), all);
        }
        // Of the folder itself, only its existence counts.
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
    fn edits_replacements_and_removals_are_noticed_and_reads_are_not() {
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
