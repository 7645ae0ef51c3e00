//! Errors of file operations, with the operation, the path and advice.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// The result of an operation on files.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of failures that callers distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The path, or a folder above it, does not exist.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The file system, or the user's quota, is full.
    NoSpace,
    /// The user has no permission.
    Permission,
    /// Source and target of a rename are on different file systems.
    OtherFileSystem,
    /// The file was modified while it was being read.
    Changing,
    /// It is not a regular file, but a folder, a pipe or a circular link.
    NotAFile,
    /// Everything else. The message contains the system's error.
    Other,
}

impl Kind {
    /// Whether no file can be written there: read-only, full or forbidden.
    #[must_use]
    pub fn is_unwritable(self) -> bool {
        matches!(self, Self::ReadOnly | Self::NoSpace | Self::Permission)
    }

    fn of(cause: &io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::AlreadyExists => Self::AlreadyExists,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            io::ErrorKind::PermissionDenied => Self::Permission,
            io::ErrorKind::CrossesDevices => Self::OtherFileSystem,
            io::ErrorKind::IsADirectory => Self::NotAFile,
            // Circular links and sockets have no `ErrorKind`.
            _ if matches!(cause.raw_os_error(), Some(libc::ELOOP | libc::ENXIO)) => Self::NotAFile,
            _ => Self::Other,
        }
    }

    /// Whether only this file is the problem, not the file system.
    #[must_use]
    pub fn is_about_this_file(self) -> bool {
        matches!(self, Self::NotAFile | Self::Permission)
    }

    fn advice(self) -> &'static str {
        match self {
            Self::ReadOnly => "; it is mounted read-only: choose a place that can be written",
            Self::NoSpace => "; free some space there or choose another place",
            Self::Permission => "; check its owner and mode",
            Self::Changing => "; wait until the program that writes it has finished, then try again",
            Self::NotFound | Self::AlreadyExists | Self::OtherFileSystem | Self::NotAFile | Self::Other => "",
        }
    }
}

/// An operation on a path that failed: `cannot write /x: No space left on device`.
///
/// The system's error is part of the message, so it is not a [`std::error::Error::source`]: it would be printed twice.
#[derive(Debug)]
pub struct Error {
    operation: &'static str,
    path: PathBuf,
    kind: Kind,
    cause: io::Error,
}

impl Error {
    /// Adds the operation (an infinitive: "write", "rename") and the path to an error of the system.
    #[must_use]
    pub fn new(operation: &'static str, path: &Path, cause: io::Error) -> Self {
        Self { operation, path: path.to_owned(), kind: Kind::of(&cause), cause }
    }

    /// [`Error::new`] for `map_err`.
    pub fn at(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::new(operation, path, cause)
    }

    /// For a file that was modified while it was being read.
    #[must_use]
    pub fn changing(path: &Path) -> Self {
        let cause = io::Error::other("it was modified meanwhile");
        Self { operation: "hash", path: path.to_owned(), kind: Kind::Changing, cause }
    }

    /// For something that is not a regular file, and what it is.
    #[must_use]
    pub fn not_a_file(operation: &'static str, path: &Path, what: &'static str) -> Self {
        Self { operation, path: path.to_owned(), kind: Kind::NotAFile, cause: io::Error::other(what) }
    }

    /// The system's message, for callers that name the file themselves.
    #[must_use]
    pub fn words(&self) -> String {
        let cause = self.cause.to_string();
        // The number adds nothing to the text.
        cause.split(" (os error ").next().unwrap_or(&cause).to_owned()
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// `None` if the error is that nothing has this name.
pub(super) fn if_exists<T>(operation: &'static str, path: &Path, result: io::Result<T>) -> Result<Option<T>> {
    match result {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some).map_err(Error::at(operation, path)),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words();
        write!(f, "cannot {} {}: {words}{}", self.operation, self.path.display(), self.kind.advice())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(code: i32) -> (Kind, String) {
        let error = Error::new("write", Path::new("/x"), io::Error::from_raw_os_error(code));
        (error.kind(), error.to_string())
    }

    #[test]
    fn the_message_names_operation_path_cause_and_advice() {
        let (kind, text) = message(libc::ENOSPC);
        assert_eq!(kind, Kind::NoSpace);
        assert_eq!(
            text,
            "cannot write /x: No space left on device; free some space there or choose another place"
        );
    }

    #[test]
    fn places_that_take_no_files_are_told_from_other_failures() {
        for code in [libc::ENOSPC, libc::EDQUOT, libc::EROFS, libc::EACCES, libc::EPERM] {
            assert!(message(code).0.is_unwritable(), "errno {code}");
        }
        for code in [libc::ENOENT, libc::EEXIST, libc::EIO, libc::ENOTDIR] {
            assert!(!message(code).0.is_unwritable(), "errno {code}");
        }
    }
}
