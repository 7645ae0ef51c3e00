//! Reads a small file of the store, which may be missing, damaged, or not a file at all.

use std::path::Path;

use super::Result;
use crate::fsx::{self, StatTuple};

/// What was found under a path.
pub(super) enum FileRead {
    /// The bytes of a file, and its stat tuple from before they were read.
    Bytes(StatTuple, Vec<u8>),
    /// Nothing.
    Absent,
    /// Something that cannot be read as a file, and why: a folder, a dead link, a forbidden file.
    Unreadable(String),
}

impl FileRead {
    /// The bytes, if there is a readable file.
    pub(super) fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(_, bytes) => Some(bytes),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

/// Reads a file whole.
pub(super) fn read_file(path: &Path) -> Result<FileRead> {
    Ok(match fsx::read_with_stat(path) {
        Ok(Some((stat, bytes))) => FileRead::Bytes(stat, bytes),
        Ok(None) => {
            fsx::non_file(path).map_or(FileRead::Absent, |what| FileRead::Unreadable(what.to_owned()))
        }
        Err(error) if error.kind().is_about_this_file() => FileRead::Unreadable(error.words()),
        Err(error) => return Err(error.into()),
    })
}
