//! Errors of the file system that say what was done, to which path, and what helps.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// The result of an operation on files.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it was, as far as callers act differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The path, or a folder above it, does not exist.
    NotFound,
    /// Something of that name is there already.
    AlreadyExists,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The file system, or the user's quota, is full.
    NoSpace,
    /// The user may not do that there.
    Permission,
    /// Source and target of a rename are on different file systems.
    OtherFileSystem,
    /// The file was modified while it was being read.
    Changing,
    /// Something else than a regular file has the name: a folder, a pipe, a link that leads nowhere.
    NotAFile,
    /// Everything else; the message has the system's words for it.
    Other,
}

impl Kind {
    /// Whether the place itself cannot take files: read-only, full or forbidden.
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
            // Links in a circle, and sockets, have no name of their own there yet.
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
/// The system's own error is part of the message, and for that reason no [`std::error::Error::source`]
/// (it would be printed twice).
#[derive(Debug)]
pub struct Error {
    operation: &'static str,
    path: PathBuf,
    kind: Kind,
    cause: io::Error,
}

impl Error {
    /// Puts operation (an infinitive: "write", "rename") and path to an error of the system.
    #[must_use]
    pub fn new(operation: &'static str, path: &Path, cause: io::Error) -> Self {
        Self { operation, path: path.to_owned(), kind: Kind::of(&cause), cause }
    }

    /// For use in `map_err`: [`Error::new`] with the cause still to come.
    pub fn at(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::new(operation, path, cause)
    }

    /// For a file that was modified while somebody relied on its content.
    #[must_use]
    pub fn changing(path: &Path) -> Self {
        let cause = io::Error::other("it was modified meanwhile");
        Self { operation: "hash", path: path.to_owned(), kind: Kind::Changing, cause }
    }

    /// For something else than a regular file where one is due: what there is.
    #[must_use]
    pub fn not_a_file(path: &Path, what: &'static str) -> Self {
        let cause = io::Error::other(what);
        Self { operation: "read", path: path.to_owned(), kind: Kind::NotAFile, cause }
    }

    /// The same of another operation.
    #[must_use]
    pub(super) fn of(self, operation: &'static str) -> Self {
        Self { operation, ..self }
    }

    /// The system's words for what went wrong, for callers that name the file themselves.
    #[must_use]
    pub fn words(&self) -> String {
        let cause = self.cause.to_string();
        // The number helps nobody who has the words.
        cause.split(" (os error ").next().unwrap_or(&cause).to_owned()
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The path that the operation was about.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
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
