//! Gives out the bytes of artifacts: whether they are here, and how to read or copy them.
//!
//! No path of an object leaves the store, except inside a [`LocalFile`]. A store whose objects are on another machine
//! would differ here and in [`super::objects`].

use std::{
    marker::PhantomData,
    path::{Path, PathBuf},
};

use super::{Result, Store, StoredArtifact, layout::Layout};
use crate::{digest::Digest, fsx};

/// A file with the bytes of an object, for reading only. It has no file ending.
///
/// It is readable as long as the store is open. This store lends the object itself. A store on another machine would
/// download the bytes when it makes this value, into a folder that it removes when it is closed.
#[derive(Debug)]
pub struct LocalFile<'a> {
    path: PathBuf,
    store: PhantomData<&'a Store>,
}

impl LocalFile<'_> {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Layout {
    /// Whether an object is here. (Something that is not a file is quarantined when it is checked.)
    pub(super) fn has(&self, digest: &Digest) -> Result<bool> {
        let object = self.object(digest);
        Ok(fsx::non_file(&object).is_none() && fsx::stat(&object)?.is_some())
    }
}

impl Store {
    /// Whether an object is in this store. False if the store cannot be read.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.layout.has(digest).unwrap_or(false)
    }

    /// A readable file of an object that this store [has](Store::has).
    #[must_use]
    pub fn lend(&self, digest: &Digest) -> LocalFile<'_> {
        LocalFile { path: self.layout.object(digest), store: PhantomData }
    }

    /// The bytes of a small object; `None` if it is not here.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        Ok(fsx::read_if_there(&self.layout.object(digest))?)
    }

    /// Copies an artifact to a path of the caller, as a file or an unpacked folder, in one step. An existing file is
    /// replaced only if `replace`; an existing folder always is.
    ///
    /// # Errors
    /// Where its bytes are not here, it contains something that must not be unpacked, or the path cannot be written.
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

    use crate::store::testing::Case;

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

        fs::remove_file(case.store.layout.object(&file.digest)).unwrap();
        assert!(!case.store.has(&file.digest) && case.store.has(&folder.digest));
        assert_eq!(case.store.read(&file.digest).unwrap(), None);
        fs::create_dir(case.store.layout.object(&file.digest)).unwrap();
        assert!(!case.store.has(&file.digest), "a folder is no object");
    }
}
