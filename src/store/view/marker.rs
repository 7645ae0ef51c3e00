//! The hidden file in a shown folder that says which files there are ours.
//!
//! Nothing else in such a folder is ever deleted.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::super::Result;
use crate::{
    digest::Digest,
    fsx::{self, Below, Exposed, Links, StatTuple},
};

/// The hidden file that says what is ours.
pub(super) const MARKER: &str = ".pcamflow-shown.json";

/// What we put into a folder.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) note: String,
    pub(super) id: String,
    pub(super) files: BTreeMap<Below, Entry>,
}

/// One file that we put in: when it was made, and how. Neither is known if its bytes were not here to be
/// shown.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    pub(super) stat: Option<StatTuple>,
    pub(super) exposed: Option<Exposed>,
}

/// The marker of a folder. One that cannot be understood, or speaks of other folders, counts as none: nothing
/// there is ours for sure. So does what is no file, and what a link leads to is another folder's.
pub(super) fn read_marker(folder: &Path) -> Result<Option<Marker>> {
    if !is_real_folder(folder) {
        return Ok(None);
    }
    let bytes = match fsx::read_if_there(&folder.join(MARKER)) {
        Err(error) if error.kind().is_the_files_own() => None,
        read => read?,
    };
    let marker = bytes.and_then(|bytes| serde_json::from_slice::<Marker>(&bytes).ok());
    Ok(marker.filter(|marker| marker.files.keys().all(is_single)))
}

/// Whether a folder is there, and no link to one.
pub(super) fn is_real_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Whether a name lies in its folder itself, and not in a folder there (which could be a link).
pub(super) fn is_single(name: &Below) -> bool {
    name.parts().count() == 1
}

/// Removes the marker and every file that still is as we made it.
pub(super) fn remove_ours(folder: &Path, marker: &Marker) -> Result<()> {
    for (name, entry) in &marker.files {
        let path = name.under(folder);
        if is_ours(&path, name, entry)? {
            fsx::remove_tree(&path)?;
        }
    }
    fsx::remove_file(&folder.join(MARKER))?;
    Ok(())
}

/// The stat tuple of what is shown under a name, where there is something: of a folder, of all that is in it.
pub(super) fn stat_shown(path: &Path, name: &Below) -> Result<Option<StatTuple>> {
    match name.is_folder() {
        false => Ok(fsx::stat_link(path)?),
        true if !is_real_folder(path) => Ok(None),
        // What cannot be listed is not as we made it.
        true => Ok(fsx::stat_folder(path, Links::Kept).ok()),
    }
}

/// Whether what is listed is what we put there: by its stat tuple, or (copied, touched) by its bytes or, if
/// it is a link, by the object that it names.
fn is_ours(path: &Path, name: &Below, entry: &Entry) -> Result<bool> {
    let (Some(made), Some(now)) = (entry.stat, stat_shown(path, name)?) else { return Ok(false) };
    if made == now {
        return Ok(true);
    }
    if name.is_folder() {
        // What cannot be packed is not what was unpacked.
        return Ok(fsx::packed_digest(path).is_ok_and(|digest| digest == entry.digest));
    }
    if let Some(object) = fsx::link_target(path)? {
        return Ok(object.file_name().is_some_and(|name| name.to_str() == Some(&entry.digest.hex())));
    }
    Ok(path.is_file() && fsx::hash_file(path)?.digest == entry.digest)
}
