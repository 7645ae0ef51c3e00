//! Recognises what is not a regular file: a folder, a pipe, a dead link.

use std::{
    fs::{File, FileType, Metadata, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{Error, Result};

/// What is at `path` if it is neither a regular file nor a link to one. `None` for a file, if nothing is there, and if
/// the file system fails.
#[must_use]
pub fn non_file(path: &Path) -> Option<&'static str> {
    let kind = path.symlink_metadata().ok()?.file_type();
    if !kind.is_symlink() {
        return what(kind);
    }
    match path.metadata() {
        Ok(metadata) => what(metadata.file_type()),
        Err(_) => Some("it is a link that leads nowhere"),
    }
}

fn what(kind: FileType) -> Option<&'static str> {
    match kind {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("it is a folder"),
        _ => Some("it is a pipe, a socket or a device"),
    }
}

/// Opens a regular file for reading.
pub(super) fn open_regular(path: &Path) -> Result<(File, Metadata)> {
    // Without `O_NONBLOCK`, a pipe would wait for a writer. It has no effect on files.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = file.map_err(Error::at("read", path))?;
    let metadata = file.metadata().map_err(Error::at("look at", path))?;
    match what(metadata.file_type()) {
        None => Ok((file, metadata)),
        Some(what) => Err(Error::not_a_file("read", path, what)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;
    use crate::fsx::{Kind, read_if_there, read_with_stat};

    #[test]
    fn what_is_no_file_is_named_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let [file, inner, circle, pipe, nowhere, absent] =
            ["file", "folder", "circle", "pipe", "nowhere", "absent"].map(|name| folder.path().join(name));
        fs::write(&file, "x").unwrap();
        fs::create_dir(&inner).unwrap();
        symlink(&circle, &circle).unwrap();
        symlink(&absent, &nowhere).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [&inner, &circle, &pipe] {
            assert!(non_file(path).is_some(), "{}", path.display());
            assert_eq!(read_if_there(path).unwrap_err().kind(), Kind::NotAFile, "{}", path.display());
            assert_eq!(read_with_stat(path).unwrap_err().kind(), Kind::NotAFile, "{}", path.display());
        }
        assert_eq!((non_file(&file), non_file(&absent)), (None, None));
        assert_eq!(non_file(&nowhere), Some("it is a link that leads nowhere"));
        assert_eq!(read_if_there(&nowhere).unwrap(), None);
        assert_eq!(read_if_there(&file).unwrap().as_deref(), Some(&b"x"[..]));
    }
}
