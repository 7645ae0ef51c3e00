//! The errors of a store.

use std::{fmt, path::PathBuf};

use crate::fsx;

/// The result of an operation on the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on the store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error(transparent)]
    Files(#[from] fsx::Error),
    /// The store cannot be used as it is: it has another format, is not a store, or has no working locks.
    #[error("{0}")]
    Unusable(String),
    /// Something that was given to the store can neither be stored nor shown.
    #[error("{0}")]
    Refused(String),
    /// A name that leads out of its folder.
    #[error(transparent)]
    Name(#[from] fsx::BadName),
}

impl Error {
    /// Whether the cause is outside the pipeline (a full, read-only or forbidden place, an unusable store): the
    /// command line's exit code 3.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        match self {
            Self::Files(error) => error.kind().is_unwritable(),
            Self::Unusable(_) => true,
            Self::Refused(_) | Self::Name(_) => false,
        }
    }
}

/// A damaged file of the store. Displays as one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it was.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// Where it is now; `None` if it could not be moved (a read-only store).
    pub moved_to: Option<PathBuf>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged: {}", self.path.display(), self.what)?;
        match &self.moved_to {
            Some(path) => write!(f, "; it was moved to {}", path.display()),
            None => write!(f, "; it could not be moved away"),
        }
    }
}
