//! Finds and reads the files of the store, which may be missing, damaged, or not files at all.

use std::path::Path;

use rayon::prelude::*;

use super::Result;
use crate::{
    digest::Digest,
    fsx::{self, StatTuple},
};

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

/// What `look` returns for every file in the subfolders of a folder, in the order of their names.
pub(super) fn files<T: Send>(
    folder: &Path,
    look: impl Fn(&Path, &str) -> Result<Option<T>> + Sync,
) -> Result<Vec<T>> {
    let names = fsx::list(folder)?;
    let looked = names.into_par_iter().map(|name| {
        let inner = folder.join(name);
        let names = if inner.is_dir() { fsx::list(&inner)? } else { Vec::new() };
        let looked = names.iter().map(|name| look(&inner.join(name), &name.to_string_lossy()));
        looked.filter_map(Result::transpose).collect::<Result<Vec<T>>>()
    });
    Ok(looked.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The key in the name of a record's file.
pub(super) fn key_of(name: &str) -> Option<Digest> {
    name.strip_suffix(".json")?.parse().ok()
}
