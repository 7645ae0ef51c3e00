//! Where everything in a store is, and which version of that order it has.

use std::path::{Path, PathBuf};

use super::{Damage, Result};
use crate::{
    digest::Digest,
    fsx::{self, Durability, FileLock},
};

/// The paths of one store.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
    pub(super) durability: Durability,
}

impl Layout {
    pub(super) fn open(root: &Path, durability: Durability) -> Result<Self> {
        let root = std::path::absolute(root).map_err(fsx::Error::at("resolve", root))?;
        let layout = Self { root, durability };
        layout.check_format()?;
        Ok(layout)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder `objects/`.
    pub(super) fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub(super) fn object(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("objects").join(&hex[..2]).join(hex)
    }

    /// The folder `actions/`.
    pub(super) fn actions(&self) -> PathBuf {
        self.root.join("actions")
    }

    pub(super) fn record(&self, key: &Digest) -> PathBuf {
        let hex = key.hex();
        self.actions().join(&hex[..2]).join(hex + ".json")
    }

    /// What names the key that a stage of a pipeline had last.
    pub(super) fn latest_id(pipeline: &str, stage: &str) -> Digest {
        // Neither name can hold a NUL, so no two pairs are one text.
        Digest::of([pipeline, stage].join("\0").as_bytes())
    }

    pub(super) fn latest(&self, id: &Digest) -> PathBuf {
        self.all_latest().join(id.hex())
    }

    /// The folder `latest/`.
    pub(super) fn all_latest(&self) -> PathBuf {
        self.root.join("latest")
    }

    /// The folder `recall/`.
    pub(super) fn all_recall(&self) -> PathBuf {
        self.root.join("recall")
    }

    /// What a pipeline's runs remember of small files.
    pub(super) fn recall(&self, pipeline: &str) -> PathBuf {
        self.all_recall().join(Digest::of(pipeline.as_bytes()).hex())
    }

    /// Which file the name of a pipeline belongs to.
    pub(super) fn name(&self, pipeline: &str) -> PathBuf {
        self.root.join("names").join(pipeline)
    }

    pub(super) fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    pub(super) fn work(&self, key: &Digest) -> PathBuf {
        self.root.join("work").join(key.hex())
    }

    /// The folder `work/`.
    pub(super) fn all_work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(super) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The gate that runs pass and garbage collection shuts.
    pub(super) fn gate(&self) -> PathBuf {
        self.root.join("gate")
    }

    pub(super) fn leases(&self) -> PathBuf {
        self.root.join("leases")
    }

    /// The folder `runs/`.
    pub(super) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    pub(super) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Whether there is a store here yet.
    pub(super) fn exists(&self) -> Result<bool> {
        Ok(fsx::stat(&self.format())?.is_some())
    }

    /// Makes sure that a folder of the store exists, and that the store itself does. Every writer calls
    /// this for the folder that it is about to write in. (Somebody may have removed the whole store since it
    /// was opened: so no folder is made without its `format`.)
    pub(super) fn prepare(&self, folder: &Path) -> Result<()> {
        if fsx::stat(folder)?.is_none() {
            self.create()?;
            fsx::create_folder(folder)?;
        }
        Ok(())
    }

    /// Makes sure that the store itself exists: also where its folder was there before, and empty.
    pub(super) fn prepare_store(&self) -> Result<()> {
        if self.exists()? { Ok(()) } else { self.create() }
    }

    /// Does something with the file at `path`. Where that fails because something else stands there, a folder or a
    /// link that leads nowhere, that is put away, and it is done again.
    pub(super) fn healing<T>(&self, path: &Path, action: impl Fn() -> Result<T>) -> Result<T> {
        let failed = match action() {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        match self.put_away_what_is_no_file(path) {
            Some(Damage { moved_to: Some(_), .. }) => action(),
            Some(Damage { moved_to: None, .. }) | None => Err(failed),
        }
    }

    /// Writes a small file of the store whole, its passing name being in `tmp/`.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.healing(path, || Ok(self.draft(path, bytes)?.publish(path, self.durability)?))
    }

    /// As [`Layout::write`], unless there is such a file already. True if there was none.
    pub(super) fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<bool> {
        Ok(self.draft(path, bytes)?.publish_new(path, self.durability)?)
    }

    pub(super) fn draft(&self, path: &Path, bytes: &[u8]) -> Result<fsx::Draft> {
        self.prepare(&fsx::parent(path))?;
        self.prepare(&self.tmp())?;
        Ok(fsx::write_through(&self.tmp(), path, bytes)?)
    }

    /// Takes one of the locks that are held for milliseconds, waiting for it.
    pub(super) fn short_lock(&self, name: &str) -> Result<FileLock> {
        self.prepare(&self.locks())?;
        let path = self.locks().join(name);
        self.healing(&path, || Ok(FileLock::acquire(&path, "a short update")?))
    }

    /// Creates the store. `format` comes first, and flushed: nothing in a store is older than it.
    fn create(&self) -> Result<()> {
        if fsx::stat(&self.format())?.is_some() {
            return Ok(fsx::create_folder(&self.tmp())?);
        }
        let is_ours_alone = fsx::list(&self.root)?.is_empty();
        fsx::create_folder(&self.tmp())?;
        if is_ours_alone {
            // Stores lie in the folders of projects: `git add .` must not take gigabytes with it.
            let ignore = self.root.join(".gitignore");
            fsx::write_through(&self.tmp(), &ignore, b"*\n")?.publish_new(&ignore, Durability::Relaxed)?;
        }
        let format = fsx::write_through(&self.tmp(), &self.format(), Self::format_text().as_bytes())?;
        format.publish_new(&self.format(), Durability::Durable)?;
        self.check_format()
    }

    /// The file that says which format the store has.
    pub(super) fn format(&self) -> PathBuf {
        self.root.join("format")
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
        layout.prepare(&layout.locks()).unwrap();
        assert!(layout.locks().is_dir());
        assert_eq!(fs::read_to_string(root.join("format")).unwrap(), "pcamflow store 1\n");
        assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
        open(&root).unwrap();
    }

    #[test]
    fn a_store_without_its_format_is_refused_and_so_is_a_folder_with_other_things() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("actions")).unwrap();
        assert!(matches!(open(folder.path()), Err(Error::NoFormat { .. })));
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
        let error = layout.prepare(&layout.locks()).unwrap_err();
        assert!(error.is_environment(), "{error}");
        let said = format!("cannot create the folder {}: Permission denied", layout.tmp().display());
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
