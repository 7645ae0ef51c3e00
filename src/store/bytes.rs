//! The way out for the bytes of artifacts: whether they are here, and a file or folder that holds them.
//!
//! No one else knows where an object lies. A store whose bytes are on another machine would differ here and
//! in [`super::objects`], the way in.

use std::path::{Path, PathBuf};

use super::{Result, Store, StoredArtifact, layout::Layout};
use crate::{digest::Digest, fsx};

impl Layout {
    /// Whether an object is here. What is no file is found, and put away, by those who check objects.
    pub(super) fn has(&self, digest: &Digest) -> Result<bool> {
        let object = self.object(digest);
        Ok(fsx::oddity(&object).is_none() && fsx::stat(&object)?.is_some())
    }
}

impl Store {
    /// Whether these bytes are in this store. They count as absent where it cannot be asked.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.layout.has(digest).unwrap_or(false)
    }

    /// A file of these bytes, for reading only, where [`Store::has`] them. It is the store's: it stays as long
    /// as a result needs it, and has no ending in its name.
    #[must_use]
    pub fn lend(&self, digest: &Digest) -> PathBuf {
        self.layout.object(digest)
    }

    /// The bytes of a small artifact; `None` if they are not here.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        Ok(fsx::read_if_there(&self.layout.object(digest))?)
    }

    /// Puts an artifact at a path of the caller's, as a file or folder of its own: whole or not at all. A file
    /// that has that name stays unless `replace`; a folder is replaced.
    ///
    /// # Errors
    /// Where its bytes are not here, it holds what must not be unpacked, or the path cannot be written.
    pub fn materialise(&self, artifact: &StoredArtifact, to: &Path, replace: bool) -> Result<()> {
        let object = self.layout.object(&artifact.digest);
        match artifact.is_folder() {
            true => fsx::unpack_whole(&object, to)?,
            false => fsx::copy_whole(&object, to, replace)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::store::case::Case;

    #[test]
    fn bytes_that_are_here_come_out_as_files_and_folders_of_ones_own() {
        let case = Case::new();
        let file = case.publish(b"content");
        assert_eq!(case.store.read(&file.digest).unwrap().as_deref(), Some(&b"content"[..]));
        let to = case.folder.path().join("mine/copy");
        case.store.materialise(&file, &to, false).unwrap();
        fs::write(&to, "edited").unwrap();
        case.store.materialise(&file, &to, false).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"edited");
        case.store.materialise(&file, &to, true).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"content");

        let folder = case.folder.path().join("plots");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("x"), "x").unwrap();
        let folder = case.store.publish_folder(&folder).unwrap();
        let to = case.folder.path().join("mine/plots");
        for _ in 0..2 {
            case.store.materialise(&folder, &to, true).unwrap();
        }
        assert_eq!(fs::read(to.join("x")).unwrap(), b"x");
        assert_eq!(
            fs::read_dir(case.folder.path().join("mine")).unwrap().count(),
            2,
            "nothing is left beside"
        );

        fs::remove_file(case.store.lend(&file.digest)).unwrap();
        assert!(!case.store.has(&file.digest) && case.store.has(&folder.digest));
        assert_eq!(case.store.read(&file.digest).unwrap(), None);
        fs::create_dir(case.store.lend(&file.digest)).unwrap();
        assert!(!case.store.has(&file.digest), "a folder is no object");
    }
}
