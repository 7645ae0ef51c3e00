//! Makes a file of the store available in another place, without risk to the original.

use std::{
    io,
    os::unix::fs::symlink,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Error, Result, files};

/// The largest file that is copied where the file system cannot share blocks: 16 MiB.
pub const COPY_LIMIT: u64 = 16 << 20;

/// How a file was exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exposed {
    /// A file that shares its blocks with the original until one of them is written.
    Reflink,
    /// A copy.
    Copy,
    /// A relative symbolic link to the original.
    Link,
}

/// Makes the file `from` available as `to`, which must not exist yet: as a reflink if the file system can do that, else
/// as a copy if it has at most [`COPY_LIMIT`] bytes, else as a relative symbolic link. All are read-only. A hard link
/// would change the original's `ctime`, and a write through it the original itself.
///
/// # Errors
/// Where `from` cannot be read or `to` not written.
pub fn expose(from: &Path, to: &Path) -> Result<Exposed> {
    match reflink_copy::reflink(from, to) {
        Ok(()) => return files::make_read_only(to).map(|()| Exposed::Reflink),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::new("create", to, cause));
        }
        // Mostly "not supported". The next way reports other problems.
        Err(_) => {}
    }
    let size = from.metadata().map_err(Error::at("read", from))?.len();
    if size > COPY_LIMIT {
        return link(from, to).map(|()| Exposed::Link);
    }
    files::copy(from, to)?;
    files::make_read_only(to)?;
    Ok(Exposed::Copy)
}

/// Creates a relative symbolic link at `to`, which must not exist yet.
///
/// # Errors
/// Where `from` does not exist or `to` cannot be created.
pub fn link(from: &Path, to: &Path) -> Result<()> {
    let folder = super::parent(to);
    // The kernel resolves `..` in the real folder.
    let real = |path: &Path| path.canonicalize().map_err(Error::at("resolve", path));
    let target = relative(&real(&folder)?, &real(from)?);
    symlink(target, to).map_err(Error::at("create the link", to))
}

/// The relative path from a folder to a path, both absolute and without links and dots.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let common = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt};

    use super::*;
    use crate::fsx::{Kind, stat};

    #[test]
    fn small_files_are_copied_or_shared_and_the_original_keeps_its_stat_tuple() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "small").unwrap();
        files::make_read_only(&from).unwrap();
        let before = stat(&from).unwrap();
        assert_ne!(expose(&from, &to).unwrap(), Exposed::Link);
        assert_eq!(fs::read(&to).unwrap(), b"small");
        assert_eq!(to.metadata().unwrap().mode() & 0o777, 0o444);
        assert_ne!(to.metadata().unwrap().ino(), from.metadata().unwrap().ino());
        assert_eq!(stat(&from).unwrap(), before);
        assert_eq!(expose(&from, &to).unwrap_err().kind(), Kind::AlreadyExists);
    }

    #[test]
    fn a_large_file_is_shared_or_linked_relatively_even_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("störe");
        let real = folder.path().join("a/b/real out");
        files::create_folder(&store).unwrap();
        files::create_folder(&real).unwrap();
        symlink("a/b/real out", folder.path().join("out")).unwrap();
        let (from, to) = (store.join("big"), folder.path().join("out/big"));
        fs::File::create(&from).unwrap().set_len(COPY_LIMIT + 1).unwrap();
        let exposed = expose(&from, &to).unwrap();
        assert_ne!(exposed, Exposed::Copy);
        assert_eq!(to.metadata().unwrap().len(), COPY_LIMIT + 1);
        if exposed == Exposed::Link {
            assert_eq!(fs::read_link(&to).unwrap(), Path::new("../../../störe/big"));
        }
    }

    #[test]
    fn ways_are_relative() {
        let way = |a: &str, b: &str| relative(Path::new(a), Path::new(b)).display().to_string();
        assert_eq!(way("/p/out/full/train.base", "/p/.pcamflow/o/x"), "../../../.pcamflow/o/x");
        assert_eq!(way("/p", "/p/x"), "x");
        assert_eq!(way("/scratch", "/home/x"), "../home/x");
    }

    #[test]
    fn an_absent_original_is_an_error_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("to");
        assert_eq!(expose(&folder.path().join("absent"), &to).unwrap_err().kind(), Kind::NotFound);
        assert!(!to.exists());
    }
}
