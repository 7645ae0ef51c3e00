//! What can go wrong with a store.

use std::{fmt, path::PathBuf};

use crate::fsx;

/// The format that this pcamflow reads and writes.
pub(super) const FORMAT: u32 = 1;

/// The result of an operation on the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error(transparent)]
    Files(#[from] fsx::Error),
    /// The store was made by a newer version of pcamflow.
    #[error(
        "the store {} has format {found}, and this pcamflow (version {}) reads format {FORMAT}: {}, or name \
         another store (--store)",
        root.display(),
        env!("CARGO_PKG_VERSION"),
        takes.as_deref().map_or_else(|| "use the newer pcamflow that made it".to_owned(), |takes| format!("it {takes}"))
    )]
    NewerFormat {
        /// Where the store is.
        root: PathBuf,
        /// Its format.
        found: u32,
        /// What it says of the pcamflow that it takes.
        takes: Option<String>,
    },
    /// What the `format` file says was never written by any pcamflow.
    #[error(
        "the file `format` of the store {} says {found:?}, and this pcamflow reads format {FORMAT}: the file is \
         damaged, or another program's; restore it, or move the store away (if you know that this pcamflow made \
         the store, the file is the line \"pcamflow store {FORMAT}\")",
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
    /// The folder holds something else.
    #[error(
        "{} is no pcamflow store: it holds {first}{}; name a folder that is empty or not there yet, or a store \
         (--store)",
        root.display(),
        if *more > 0 { format!(" and {more} more") } else { String::new() }
    )]
    NoStore {
        /// The folder.
        root: PathBuf,
        /// One of the things that it holds.
        first: String,
        /// How many more there are.
        more: usize,
    },
    /// A run relies on the older store as it is.
    #[error(
        "the store {} has an older format and must be migrated, but a run uses it ({run}): wait until that run \
         has ended, then try again",
        root.display()
    )]
    InUse {
        /// Where the store is.
        root: PathBuf,
        /// The lease of the run.
        run: String,
    },
    /// Nobody can know here what live runs rely on.
    #[error(
        "the file system of {} has no locks that work, so it is not known whether a run uses what \
         would be removed or changed: nothing was changed; do it on the machine that has the disk, while \
         nothing runs elsewhere",
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
    /// A name that leads out of the folder that it should be in.
    #[error(transparent)]
    Name(#[from] fsx::BadName),
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
            Self::NewerFormat { .. }
            | Self::OtherFormat { .. }
            | Self::NoFormat { .. }
            | Self::NoStore { .. }
            | Self::InUse { .. }
            | Self::NoLocks { .. } => true,
            Self::NotAFile { .. } | Self::Name(_) | Self::BadName { .. } | Self::InTheWay { .. } => false,
        }
    }
}

/// A file of the store that is not what it should be. Displays as one sentence for people.
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
