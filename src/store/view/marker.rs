//! The hidden file in a shown folder that lists the files that pcamflow put there. Nothing else is ever deleted.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::super::{Result, read::read_file};
use crate::{
    digest::Digest,
    fsx::{self, Below, Exposed, Links, StatTuple},
};

pub(super) const MARKER: &str = ".pcamflow-shown.json";

/// What pcamflow put into a folder.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) note: String,
    pub(super) id: String,
    pub(super) files: BTreeMap<Below, Entry>,
}

/// One file that pcamflow put there. `stat` and `exposed` are `None` if its object was missing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    pub(super) stat: Option<StatTuple>,
    pub(super) exposed: Option<Exposed>,
}

/// The marker of a folder. `None` if there is no readable marker, if it names files in other folders, or if the folder
/// is a link: then it is unknown which files are ours.
pub(super) fn read_marker(folder: &Path) -> Result<Option<Marker>> {
    if !is_real_folder(folder) {
        return Ok(None);
    }
    let bytes = read_file(&folder.join(MARKER))?.bytes();
    let marker = bytes.and_then(|bytes| serde_json::from_slice::<Marker>(&bytes).ok());
    Ok(marker.filter(|marker| marker.files.keys().all(is_single)))
}

/// Whether there is a folder, not a link to one.
pub(super) fn is_real_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Whether a name has only one part. (An inner folder could be a link.)
pub(super) fn is_single(name: &Below) -> bool {
    name.parts().count() == 1
}

/// Removes the marker and every listed file that is unchanged.
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

/// The stat tuple of a shown file or link, or of a whole shown folder, if it exists.
pub(super) fn stat_shown(path: &Path, name: &Below) -> Result<Option<StatTuple>> {
    match name.is_folder() {
        false => Ok(fsx::stat_link(path)?),
        true if !is_real_folder(path) => Ok(None),
        true => Ok(fsx::stat_folder(path, Links::Kept).ok()),
    }
}

/// Whether a listed file is unchanged: it has its stat tuple, or (after copying or touching) its bytes, or it is a link
/// to its object.
fn is_ours(path: &Path, name: &Below, entry: &Entry) -> Result<bool> {
    let (Some(made), Some(now)) = (entry.stat, stat_shown(path, name)?) else { return Ok(false) };
    if made == now {
        return Ok(true);
    }
    if name.is_folder() {
        return Ok(fsx::packed_digest(path).is_ok_and(|digest| digest == entry.digest));
    }
    if let Some(object) = fsx::link_target(path)? {
        return Ok(object.file_name().is_some_and(|name| name.to_str() == Some(&entry.digest.hex())));
    }
    Ok(path.is_file() && fsx::hash_file(path)?.digest == entry.digest)
}
