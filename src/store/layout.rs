//! The paths inside a store, and how its small files are written and locked.

use std::path::{Path, PathBuf};

use super::{Damage, Result};
use crate::{
    digest::Digest,
    fsx::{self, Durability, FileLock},
};

/// The paths of one store. [`super`] says what each of them holds.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) format: PathBuf,
    pub(super) home_file: PathBuf,
    pub(super) objects: PathBuf,
    pub(super) actions: PathBuf,
    pub(super) latest: PathBuf,
    pub(super) names: PathBuf,
    pub(super) sources: PathBuf,
    pub(super) recall: PathBuf,
    pub(super) work: PathBuf,
    pub(super) staging: PathBuf,
    pub(super) locks: PathBuf,
    pub(super) gate: PathBuf,
    pub(super) runs: PathBuf,
    pub(super) leases: PathBuf,
    pub(super) quarantine: PathBuf,
    pub(super) tmp: PathBuf,
    pub(super) incoming: PathBuf,
    pub(super) jobs: PathBuf,
    pub(super) durability: Durability,
}

impl Layout {
    pub(super) fn open(root: &Path, durability: Durability) -> Result<Self> {
        let root = std::path::absolute(root).map_err(fsx::Error::at("resolve", root))?;
        let layout = Self {
            format: root.join("format"),
            home_file: root.join("home"),
            objects: root.join("objects"),
            actions: root.join("actions"),
            latest: root.join("latest"),
            names: root.join("names"),
            sources: root.join("sources"),
            recall: root.join("recall"),
            work: root.join("work"),
            staging: root.join("staging"),
            locks: root.join("locks"),
            gate: root.join("gate"),
            runs: root.join("runs"),
            leases: root.join("leases"),
            quarantine: root.join("quarantine"),
            tmp: root.join("tmp"),
            incoming: root.join("incoming"),
            jobs: root.join("jobs"),
            root,
            durability,
        };
        layout.check_format()?;
        Ok(layout)
    }

    pub(super) fn object(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.objects.join(&hex[..2]).join(hex)
    }

    pub(super) fn record(&self, key: &Digest) -> PathBuf {
        let hex = key.hex();
        self.actions.join(&hex[..2]).join(hex + ".json")
    }

    /// The file of the key that a stage of a pipeline had last, and the digest that names it.
    pub(super) fn latest_of(&self, pipeline: &str, stage: &str) -> (Digest, PathBuf) {
        // Names contain no NUL, so no two pairs give the same text.
        let id = Digest::of([pipeline, stage].join("\0").as_bytes());
        (id, self.latest.join(id.hex()))
    }

    pub(super) fn recall_of(&self, pipeline: &str) -> PathBuf {
        self.recall.join(Digest::of(pipeline.as_bytes()).hex())
    }

    pub(super) fn work_on(&self, key: &Digest) -> PathBuf {
        self.work.join(key.hex())
    }

    pub(super) fn job_of(&self, key: &Digest) -> PathBuf {
        self.jobs.join(key.hex())
    }

    /// Whether there is a store here yet.
    pub(super) fn exists(&self) -> Result<bool> {
        Ok(fsx::stat(&self.format)?.is_some())
    }

    /// Makes sure that a folder of the store exists. Every writer calls this for the folder that it writes to.
    /// Another process may have removed the whole store since it was opened, so `format` is checked too.
    pub(super) fn prepare(&self, folder: &Path) -> Result<()> {
        if fsx::stat(folder)?.is_none() {
            self.create()?;
            fsx::create_folder(folder)?;
        }
        Ok(())
    }

    /// Runs `action` on the file at `path`. If it fails because something other than a file is there (a folder, a
    /// dead link), that is quarantined and `action` runs once more.
    pub(super) fn healing<T>(&self, path: &Path, action: impl Fn() -> Result<T>) -> Result<T> {
        action().or_else(|error| match self.quarantine_non_file(path) {
            Some(Damage { moved_to: Some(_), .. }) => action(),
            Some(Damage { moved_to: None, .. }) | None => Err(error),
        })
    }

    /// Writes a small file of the store atomically.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.healing(path, || Ok(self.draft(path, bytes)?.publish(path, self.durability)?))
    }

    /// As [`Layout::write`], but keeps an existing file. True if there was none.
    pub(super) fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<bool> {
        Ok(self.draft(path, bytes)?.publish_new(path, self.durability)?)
    }

    pub(super) fn draft(&self, path: &Path, bytes: &[u8]) -> Result<fsx::Draft> {
        self.prepare(&fsx::parent(path))?;
        self.prepare(&self.tmp)?;
        Ok(fsx::write_through(&self.tmp, path, bytes)?)
    }

    /// Waits for a lock that is held for milliseconds only.
    pub(super) fn short_lock(&self, name: &str) -> Result<FileLock> {
        self.prepare(&self.locks)?;
        let path = self.locks.join(name);
        self.healing(&path, || Ok(FileLock::acquire(&path, "a short update")?))
    }

    /// Creates the store unless it exists. `format` is written first and flushed, so nothing in a store is older.
    pub(super) fn create(&self) -> Result<()> {
        if self.exists()? {
            return Ok(fsx::create_folder(&self.tmp)?);
        }
        let is_empty = fsx::list(&self.root)?.is_empty();
        fsx::create_folder(&self.tmp)?;
        if is_empty {
            // A store is often inside a project's folder: `git add .` must not add gigabytes.
            let ignore = self.root.join(".gitignore");
            fsx::write_through(&self.tmp, &ignore, b"*\n")?.publish_new(&ignore, Durability::Relaxed)?;
        }
        let format = fsx::write_through(&self.tmp, &self.format, Self::format_text().as_bytes())?;
        format.publish_new(&self.format, Durability::Durable)?;
        self.check_format()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::Error, *};

    fn open(root: &Path) -> Result<Layout> {
        Layout::open(root, Durability::Relaxed)
    }

    #[test]
    fn opening_creates_nothing_and_the_first_write_everything() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new störe");
        let layout = open(&root).unwrap();
        assert!(!root.exists());
        layout.prepare(&layout.locks).unwrap();
        assert!(layout.locks.is_dir());
        assert_eq!(fs::read_to_string(root.join("format")).unwrap(), "pcamflow store 1\n");
        assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
        open(&root).unwrap();
    }

    #[test]
    fn a_store_without_its_format_is_refused_and_so_is_a_folder_with_other_things() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("actions")).unwrap();
        assert!(matches!(open(folder.path()), Err(Error::Unusable(_))));
        fs::remove_dir(folder.path().join("actions")).unwrap();
        // What a creation that was cut off leaves, and the top of a file system.
        for name in ["tmp", "lost+found"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join(".gitignore"), "*").unwrap();
        open(folder.path()).unwrap();
        for name in ["notes.txt", "thesis.tex"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let error = open(folder.path()).unwrap_err();
        assert!(error.is_environment());
        assert!(error.to_string().contains("is no pcamflow store: it holds notes.txt and 1 more"), "{error}");
        assert!(open(&folder.path().join("notes.txt")).is_err());
        assert_eq!(fsx::list(folder.path()).unwrap().len(), 5, "nothing was added");
    }

    #[test]
    fn a_folder_that_may_not_be_written_is_an_error_of_the_environment() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
        if fs::write(folder.path().join("probe"), "").is_ok() {
            eprintln!("skipped: mode bits mean nothing to root");
            return;
        }
        let root = folder.path().join("store");
        let layout = open(&root).unwrap();
        let error = layout.prepare(&layout.locks).unwrap_err();
        assert!(error.is_environment(), "{error}");
        let said = format!("cannot create the folder {}: Permission denied", layout.tmp.display());
        assert!(error.to_string().starts_with(&said), "{error}");
    }

    #[test]
    fn a_store_that_is_removed_while_it_is_used_is_made_anew_with_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let layout = open(&root).unwrap();
        layout.write(&root.join("actions/x"), b"x").unwrap();
        fs::remove_dir_all(&root).unwrap();
        layout.write(&root.join("actions/x"), b"x").unwrap();
        open(&root).unwrap();
    }
}
