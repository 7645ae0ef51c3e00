//! What can go wrong with a store.

use std::path::PathBuf;

use super::layout::FORMAT;
use crate::fsx;

/// The result of an operation on the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error(transparent)]
    Files(#[from] fsx::Error),
    /// The store was made by another version of pcamflow, or its `format` file is damaged.
    #[error(
        "the store {} has format {found:?}, this pcamflow uses format \"{FORMAT}\": use the pcamflow that made it, \
         or another store, or move this one away",
        root.display()
    )]
    OtherFormat {
        /// Where the store is.
        root: PathBuf,
        /// What its `format` file says.
        found: String,
    },
    /// The folder looks like a store, yet does not say of which format.
    #[error(
        "{} holds objects or records but no file `format`: it was restored in part or is no store; restore \
         that file too, or use another store, or move this one away",
        root.display()
    )]
    NoFormat {
        /// Where the store is.
        root: PathBuf,
    },
    /// Nobody can know here what live runs rely on.
    #[error(
        "the file system of {} has no locks, so nobody can know whether a run uses what would be removed: \
         nothing was removed; collect on the machine that has the file system's disk",
        root.display()
    )]
    NoLocks {
        /// Where the store is.
        root: PathBuf,
    },
    /// What shall be stored is a folder, a link or a device.
    #[error("{} is {what}: an artifact must be a regular file", path.display())]
    NotAFile {
        /// The path of it.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A file's name that cannot be shown to people in a folder of its own.
    #[error("{name:?} cannot be the name of an artifact's file: {why}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something that is not ours stands where artifacts shall be shown.
    #[error("{} is no folder: move it away, artifacts are to be shown there", path.display())]
    InTheWay {
        /// The path of it.
        path: PathBuf,
    },
}

impl Error {
    /// Whether the surroundings must change (a full, read-only or forbidden place, a store of another
    /// format) before it makes sense to try again: the command line's exit code 3.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        match self {
            Self::Files(error) => error.kind().is_unwritable(),
            Self::OtherFormat { .. } | Self::NoFormat { .. } | Self::NoLocks { .. } => true,
            Self::NotAFile { .. } | Self::BadName { .. } | Self::InTheWay { .. } => false,
        }
    }
}
