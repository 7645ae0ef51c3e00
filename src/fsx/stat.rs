//! The stat tuple: what the kernel knows of a file without reading it.

use std::{fs::Metadata, io, os::unix::fs::MetadataExt, path::Path};

use serde::{Deserialize, Serialize};

use super::{Result, error::if_exists};

/// Four numbers that stay the same while a file is not touched.
///
/// A replaced file has another inode, and one that was written in place has other times. No program can set `ctime`, so
/// it reveals a write that restored the old `mtime`. Two edits of the same size within one tick of the file system's
/// clock are not noticed (see `settled.rs`), nor are bits that rot on the disk. The device is left out, because its
/// number changes with every mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatTuple {
    /// Size in bytes.
    pub size: u64,
    /// Last modification of the content, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The file's number on its file system.
    pub inode: u64,
    /// Last change of content, name or attributes, in nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl From<&Metadata> for StatTuple {
    fn from(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A time of the kernel in one number. It wraps outside the years 1678 to 2262: only equality counts.
fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanoseconds)
}

/// The stat tuple of a file, symbolic links followed; `None` if it does not exist.
///
/// # Errors
/// Where the file system fails.
pub fn stat(path: &Path) -> Result<Option<StatTuple>> {
    tuple(path, path.metadata())
}

/// The stat tuple of a file, or of the symbolic link itself; `None` if it does not exist.
///
/// # Errors
/// Where the file system fails.
pub fn stat_link(path: &Path) -> Result<Option<StatTuple>> {
    tuple(path, path.symlink_metadata())
}

/// The stat tuple of a file, symbolic links followed, or of a dead link itself; `None` if nothing has this name.
///
/// # Errors
/// Where the file system fails.
pub fn stat_there(path: &Path) -> Result<Option<StatTuple>> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(StatTuple::from(&metadata))),
        Err(_) => stat_link(path),
    }
}

fn tuple(path: &Path, metadata: io::Result<Metadata>) -> Result<Option<StatTuple>> {
    Ok(if_exists("look at", path, metadata)?.as_ref().map(StatTuple::from))
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    #[test]
    fn every_kind_of_edit_shows_and_reading_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "one").unwrap();
        let first = stat(&path).unwrap().unwrap();
        fs::read(&path).unwrap();
        assert_eq!(stat(&path).unwrap(), Some(first));

        // Same size, old mtime put back: the ctime tells.
        std::thread::sleep(Duration::from_millis(20));
        let mtime = path.metadata().unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(mtime).unwrap();
        let second = stat(&path).unwrap().unwrap();
        assert_eq!((first.size, first.mtime_ns, first.inode), (second.size, second.mtime_ns, second.inode));
        assert_ne!(first, second);

        // Another file in its place: the inode tells.
        fs::write(folder.path().join("y"), "two").unwrap();
        fs::rename(folder.path().join("y"), &path).unwrap();
        assert_ne!(stat(&path).unwrap().unwrap().inode, second.inode);
    }

    #[test]
    fn absence_is_no_error_and_a_link_can_be_looked_at_itself() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        assert_eq!(stat(&link).unwrap(), None);
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert_eq!(stat(&link).unwrap(), None);
        assert_eq!(stat_link(&link).unwrap().unwrap().size, "nowhere".len() as u64);
        assert_eq!(stat_there(&link).unwrap(), stat_link(&link).unwrap());
    }
}
