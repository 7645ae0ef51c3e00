//! Builds a folder beside its place, exchanges the two in one step, and removes the old one.
//!
//! A crash leaves at most a hidden folder `.NAME.pcamflow-ID` beside the shown one. If the marker of the shown folder
//! has this ID, the two had been exchanged, and the hidden one is the old folder, which may contain files of others.
//! Otherwise the hidden one was never shown, and all of it is ours.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    super::{Result, layout::Layout},
    marker::{Entry, MARKER, Marker, is_real_folder, read_marker, remove_ours, stat_shown},
};
use crate::{
    digest::Digest,
    fsx::{self, Below, Durability, Exposed},
};

/// In the name of a hidden folder, the text between the name of the shown folder and the ID.
const INFIX: &str = ".pcamflow-";

/// What showing a folder did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether anything changed.
    pub changed: bool,
    /// Where files of others are now that had the name of an artifact.
    pub kept: Vec<PathBuf>,
    /// Files that are not shown because their objects are not in this store.
    pub absent: Vec<String>,
}

/// Shows what is wanted in the folder `target`. The leftovers of a crash must be cleared up before: the new marker has
/// another ID.
pub(super) fn replace(layout: &Layout, target: &Path, wanted: &BTreeMap<&Below, Digest>) -> Result<Shown> {
    fsx::create_folder(&fsx::parent(target))?;
    let id = fsx::unique_name();
    let new = beside(target, &id);
    let absent = build(layout, &new, &id, wanted).inspect_err(|_| drop(fsx::remove_tree(&new)))?;
    let kept = match fsx::replace_folder(&new, target)? {
        Some(aside) => retire(&aside, target)?,
        None => Vec::new(),
    };
    Ok(Shown { changed: true, kept, absent })
}

/// Finishes a change of a shown folder that a crash interrupted. Only for the holder of its lock. If a link is in the
/// folder's place, nothing is moved through it.
pub(super) fn clear_up(target: &Path) -> Result<()> {
    if target.is_symlink() {
        return Ok(());
    }
    let parent = fsx::parent(target);
    let prefix = beside(target, "");
    let prefix = prefix.file_name().unwrap_or_default().to_string_lossy();
    for name in fsx::list(&parent)? {
        let Some(id) = name.to_str().and_then(|name| name.strip_prefix(&*prefix)) else { continue };
        let aside = parent.join(&name);
        let shown = read_marker(target)?.map(|marker| marker.id);
        let was_shown = id.ends_with(fsx::REPLACED) || Some(id) == shown.as_deref();
        if was_shown && is_real_folder(&aside) {
            // If folders cannot be exchanged in one step, there may be no shown folder at this moment.
            fsx::create_folder(target)?;
            retire(&aside, target)?;
        } else {
            fsx::remove_tree(&aside)?;
        }
    }
    Ok(())
}

/// The name of the shown folder that a hidden folder belongs to; `None` for other names.
pub(super) fn target_of(hidden: &str) -> Option<&str> {
    Some(hidden.strip_prefix('.')?.rsplit_once(INFIX)?.0)
}

fn beside(target: &Path, id: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    fsx::parent(target).join(format!(".{name}{INFIX}{id}"))
}

/// Fills a new folder. Returns the names of the artifacts whose objects are missing.
fn build(layout: &Layout, folder: &Path, id: &str, wanted: &BTreeMap<&Below, Digest>) -> Result<Vec<String>> {
    fsx::create_folder(folder)?;
    let note = "pcamflow shows artifacts in this folder and replaces the files listed here";
    let mut marker = Marker { note: note.to_owned(), id: id.to_owned(), files: BTreeMap::new() };
    let mut absent = Vec::new();
    for (name, digest) in wanted {
        let (object, path) = (layout.object(digest), name.under(folder));
        let exposed = if layout.has(digest)? {
            Some(expose(&object, &path, name)?)
        } else {
            absent.push(name.to_string());
            None
        };
        marker
            .files
            .insert((*name).clone(), Entry { digest: *digest, stat: stat_shown(&path, name)?, exposed });
    }
    let json = serde_json::to_string_pretty(&marker).expect("a marker has text keys and plain values");
    fsx::write_atomic(&folder.join(MARKER), (json + "\n").as_bytes(), Durability::Relaxed)?;
    Ok(absent)
}

/// Shows an object: a file as the file system allows, a folder unpacked.
fn expose(object: &Path, path: &Path, name: &Below) -> Result<Exposed> {
    if !name.is_folder() {
        return Ok(fsx::expose(object, path)?);
    }
    fsx::unpack(object, path)?;
    Ok(Exposed::Copy)
}

/// Empties a folder that was shown before: our files are removed, the others move to the shown folder. Returns the new
/// places of those whose names were taken.
fn retire(aside: &Path, target: &Path) -> Result<Vec<PathBuf>> {
    if let Some(marker) = read_marker(aside)? {
        remove_ours(aside, &marker)?;
    }
    let mut renamed = Vec::new();
    for name in fsx::list(aside)? {
        if have_same_bytes(&aside.join(&name), &target.join(&name))? {
            fsx::remove_file(&aside.join(&name))?;
            continue;
        }
        let place = free_name(target, &name)?;
        fsx::move_file(&aside.join(&name), &place)?;
        if place.file_name() != Some(&name) {
            renamed.push(place);
        }
    }
    fsx::remove_folder_if_empty(aside)?;
    Ok(renamed)
}

/// Whether two files (not links) have the same bytes.
fn have_same_bytes(one: &Path, other: &Path) -> Result<bool> {
    let size = |path: &Path| {
        path.symlink_metadata().ok().filter(|metadata| metadata.is_file()).map(|file| file.len())
    };
    Ok(size(one).is_some()
        && size(one) == size(other)
        && fsx::hash_file(one)?.digest == fsx::hash_file(other)?.digest)
}

/// The path of this name in a folder, or of the first similar name that is free.
fn free_name(folder: &Path, name: &OsString) -> Result<PathBuf> {
    let mut path = folder.join(name);
    let mut count = 1;
    while fsx::stat_link(&path)?.is_some() {
        let kept = if count == 1 { "kept".to_owned() } else { format!("kept-{count}") };
        path = folder.join(name).with_added_extension(kept);
        count += 1;
    }
    Ok(path)
}
