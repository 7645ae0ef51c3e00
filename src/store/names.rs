//! Which file the name of a pipeline belongs to: two files with one name must not share results, history and `out`.
//!
//! A file below the project's folder is noted relative to that, so that a project can be moved and copied.

use std::path::{Path, PathBuf};

use super::{Result, Store};
use crate::fsx;

impl Store {
    /// The file that a name belongs to, if that is noted.
    #[must_use]
    pub fn owner(&self, name: &str) -> Option<PathBuf> {
        let noted = fsx::read_if_there(&self.layout.names.join(name)).ok()??;
        let noted = String::from_utf8(noted).ok()?;
        let file = noted.strip_suffix('\n').filter(|file| !file.is_empty())?;
        Some(self.project().join(file))
    }

    /// Notes the file that a name belongs to.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn claim(&self, name: &str, file: &Path) -> Result<()> {
        let file = self.named(file);
        match self.owner(name) {
            Some(owner) if owner == self.project().join(&file) => Ok(()),
            _ => self.layout.write(&self.layout.names.join(name), format!("{}\n", file.display()).as_bytes()),
        }
    }

    /// The path by which this store notes a file.
    #[must_use]
    pub fn named(&self, file: &Path) -> PathBuf {
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        file.strip_prefix(self.project()).map(Path::to_owned).unwrap_or(file)
    }

    /// The folder that contains the store.
    fn project(&self) -> PathBuf {
        let folder = fsx::parent(self.root());
        folder.canonicalize().unwrap_or(folder)
    }
}
