//! What a remote store has to be able to do, and how it fails. Names and bytes; knows no records.

use std::{fmt::Debug, path::Path, time::SystemTime};

use crate::store::Existing;

/// What a remote store answers.
pub type Answer<T> = Result<T, Trouble>;

/// Why a remote store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It cannot be reached, does not answer in time, or answers that it cannot serve now.
    #[error("{0}")]
    Unreachable(String),
    /// It refuses the credentials, or there are none.
    #[error("{0}")]
    Refused(String),
    /// It cannot be used like this: a wrong URL, no such bucket, reading only.
    #[error("{0}")]
    Unusable(String),
    /// It does not have the object.
    #[error("it does not have it")]
    Gone,
    /// What it has is wrong.
    #[error("{0}")]
    Wrong(String),
    /// This machine could not read or write a file.
    #[error("{0}")]
    Here(String),
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
}

impl Trouble {
    /// Whether the next question would end the same way.
    #[must_use]
    pub fn lasts(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Refused(_) | Self::Unusable(_) => true,
            Self::Gone | Self::Wrong(_) | Self::Here(_) | Self::Stopped => false,
        }
    }
}

impl From<crate::store::Error> for Trouble {
    fn from(error: crate::store::Error) -> Self {
        Self::Here(error.to_string())
    }
}

/// Called with the number of bytes that were just moved. False stops the transfer.
pub type Moved<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// Takes the next bytes of an object.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> Answer<()> + Send);

/// An object of a remote store.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// A remote store. Calls wait for the answer. A call about several objects asks about many of them at once; a trouble
/// that lasts is the last answer, and there may be none for the rest.
pub(super) trait Client: Debug + Send + Sync {
    /// The bytes of small objects; `None` where there is none.
    fn read(&self, names: &[String]) -> Vec<Answer<Option<Vec<u8>>>>;

    /// The sizes of objects; `None` where there is none.
    fn sizes(&self, names: &[String]) -> Vec<Answer<Option<u64>>>;

    /// Writes a small object whole or not at all. With [`Existing::Keep`], an existing one stays, and it returns false.
    fn write(&self, name: &str, bytes: Vec<u8>, existing: Existing) -> Answer<bool>;

    /// Writes a file as an object, whole or not at all; a large one in parts.
    fn upload(&self, name: &str, file: &Path, moved: Moved<'_>) -> Answer<()>;

    /// Reads an object from a position to its end, in order; a large one in parts. Its size is 0 if it is not known.
    fn download(&self, name: &str, from: u64, size: u64, sink: Sink<'_>) -> Answer<()>;

    /// All objects below `v1/`.
    fn list(&self) -> Answer<Vec<Entry>>;

    /// Removes objects. One that does not exist is no error.
    fn remove(&self, names: &[String]) -> Answer<()>;
}
