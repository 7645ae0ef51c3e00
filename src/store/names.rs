//! Which file a pipeline's name belongs to: two files of one name must not share results, history and `out`.
//!
//! Knows paths and names, and reads no pipeline. A file below the folder of the store is noted relative to that,
//! so that a project can be moved and copied.

use std::path::{Path, PathBuf};

use super::{Result, Store};
use crate::fsx;

impl Store {
    /// The file that a name belongs to, if that is noted.
    #[must_use]
    pub fn owner(&self, name: &str) -> Option<PathBuf> {
        let noted = fsx::read_if_there(&self.layout.name(name)).ok()??;
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
            _ => self.layout.write(&self.layout.name(name), format!("{}\n", file.display()).as_bytes()),
        }
    }

    /// A file as this store names it.
    #[must_use]
    pub fn named(&self, file: &Path) -> PathBuf {
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        file.strip_prefix(self.project()).map(Path::to_owned).unwrap_or(file)
    }

    /// The folder that the store lies in.
    fn project(&self) -> PathBuf {
        let folder = fsx::parent(self.root());
        folder.canonicalize().unwrap_or(folder)
    }
}
