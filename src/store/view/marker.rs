//! The hidden file in a shown folder that says which files there are ours.
//!
//! Nothing else in such a folder is ever deleted.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::super::Result;
use crate::{
    digest::Digest,
    fsx::{self, Exposed, Links, StatTuple},
};

/// The hidden file that says what is ours.
pub(super) const MARKER: &str = ".pcamflow-shown.json";

/// What we put into a folder.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) note: String,
    pub(super) id: String,
    pub(super) files: BTreeMap<String, Entry>,
}

/// One file that we put in: when it was made, and how. Neither is known if its bytes were not here to be
/// shown.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    pub(super) stat: Option<StatTuple>,
    pub(super) exposed: Option<Exposed>,
}

/// The marker of a folder. One that cannot be understood counts as none: nothing there is ours for sure.
pub(super) fn read_marker(folder: &Path) -> Result<Option<Marker>> {
    match fsx::read_if_there(&folder.join(MARKER)) {
        Ok(bytes) => Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok())),
        Err(_) if !folder.is_dir() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes the marker and every file that still is as we made it.
pub(super) fn remove_ours(folder: &Path, marker: &Marker) -> Result<()> {
    for (name, entry) in &marker.files {
        let path = folder.join(name);
        match name.ends_with('/') {
            true if entry.stat.is_some() && stat_shown(&path, name)? == entry.stat => {
                fsx::remove_tree(&path)?;
            }
            false if is_ours(&path, entry)? => drop(fsx::remove_file(&path)?),
            _ => {}
        }
    }
    fsx::remove_file(&folder.join(MARKER))?;
    Ok(())
}

/// The stat tuple of what is shown under a name, where there is something: of a folder, of all that is in it.
pub(super) fn stat_shown(path: &Path, name: &str) -> Result<Option<StatTuple>> {
    match name.ends_with('/') {
        false => Ok(fsx::stat_link(path)?),
        true if !path.is_dir() => Ok(None),
        // What cannot be listed is not as we made it.
        true => Ok(fsx::stat_folder(path, Links::Kept).ok()),
    }
}

/// Whether a listed file is what we put there: by its stat tuple, or (copied, touched) by its
/// bytes or, if it is a link, by the object that it names.
pub(super) fn is_ours(path: &Path, entry: &Entry) -> Result<bool> {
    let (Some(made), Some(now)) = (entry.stat, fsx::stat_link(path)?) else { return Ok(false) };
    if made == now {
        return Ok(true);
    }
    if let Some(object) = fsx::link_target(path)? {
        return Ok(object.file_name().is_some_and(|name| name.to_str() == Some(&entry.digest.hex())));
    }
    Ok(path.is_file() && fsx::hash_file(path)?.digest == entry.digest)
}
