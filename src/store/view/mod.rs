//! Shows a stage's artifacts to people in a folder, `out/<pipeline>/<kind>.<name>/`.
//!
//! The folder is built beside its place and exchanged in one step. A hidden marker in it lists the files that pcamflow
//! put there, with stat tuples. So a folder that is already right costs a few stats, and nothing else is ever deleted:
//! files that are not in the list, or were edited since, are moved to the new folder (under another name if theirs is
//! taken).

mod marker;
mod remembered;
mod replace;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::PoisonError,
};

use super::{Error, Result, Store, StoredArtifact, layout::Layout};
use crate::{
    digest::Digest,
    fsx::{self, Below, Exposed, FileLock},
};
use marker::{MARKER, Marker, is_real_folder, is_single, read_marker, remove_ours, stat_shown};
pub use replace::Shown;
use replace::{clear_up, replace, target_of};

/// What the names of the locks of shown folders begin with.
pub(super) const VIEW_LOCK: &str = "view-";

impl Store {
    /// Shows artifacts under their file names in the folder `target`, and removes what pcamflow showed there before.
    /// Costs a stat for each file if nothing has to change.
    ///
    /// # Errors
    /// Where a file's name is unfit, something other than a folder is at `target`, or it cannot be written.
    pub fn show<'a>(
        &self,
        target: &Path,
        artifacts: impl IntoIterator<Item = &'a StoredArtifact>,
    ) -> Result<Shown> {
        let wanted = by_name(artifacts)?;
        let target = std::path::absolute(target).map_err(fsx::Error::at("resolve", target))?;
        if let Some(shown) = self.already_right(&target, &wanted)? {
            return Ok(shown);
        }
        if target.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) {
            let target = target.display();
            return Err(Error::Refused(format!(
                "{target} is no folder: move it away, artifacts are to be shown there"
            )));
        }
        self.clear_up_once(&fsx::parent(&target))?;
        let lock = self.lock_view(&target);
        if let Some(shown) = self.already_right(&target, &wanted)? {
            return Ok(shown);
        }
        // The last holder of the lock died, maybe while it changed this folder.
        if lock.as_ref().is_some_and(FileLock::follows_another) {
            clear_up(&target)?;
        }
        let shown = replace(&self.layout, &target, &wanted)?;
        if let Some(marker) = read_marker(&target)? {
            self.remember_shown(&target, &marker, &wanted);
        }
        Ok(shown)
    }

    /// Removes what is shown in the folders below `parent` other than `keep`, of stages that the pipeline no longer
    /// has. Files of others stay. Returns the names of the removed folders. Also clears up after crashes.
    ///
    /// # Errors
    /// Where something cannot be removed.
    pub fn hide_others(&self, parent: &Path, keep: &BTreeSet<String>) -> Result<Vec<String>> {
        let parent = std::path::absolute(parent).map_err(fsx::Error::at("resolve", parent))?;
        // A folder behind a link may belong to another pipeline.
        let before = fsx::stat_link(&parent)?.filter(|_| is_real_folder(&parent));
        let Some(before) = before.filter(|before| !self.shows_no_others(&parent, before, keep)) else {
            return Ok(Vec::new());
        };
        let (mut gone, mut any_left) = (Vec::new(), false);
        for name in fsx::list(&parent)? {
            let Some(name) = name.to_str() else { continue };
            if let Some(interrupted) = target_of(name) {
                self.clear_up_locked(&parent.join(interrupted))?;
            } else if !keep.contains(name) {
                let folder = parent.join(name);
                match self.hide(&folder)? {
                    true => gone.push(name.to_owned()),
                    false => any_left |= is_real_folder(&folder),
                }
            }
        }
        // What is in a folder that stays can change without a trace in `parent`.
        if !any_left {
            self.remember_no_others(&parent, before, keep);
        }
        Ok(gone)
    }

    /// Clears up after crashes beside all shown folders in `parent`, once in this process.
    fn clear_up_once(&self, parent: &Path) -> Result<()> {
        let is_first = self.tidied.lock().unwrap_or_else(PoisonError::into_inner).insert(parent.to_owned());
        let names = if is_first { fsx::list(parent)? } else { Vec::new() };
        for interrupted in names.iter().filter_map(|name| target_of(name.to_str()?)) {
            self.clear_up_locked(&parent.join(interrupted))?;
        }
        Ok(())
    }

    fn clear_up_locked(&self, target: &Path) -> Result<()> {
        match self.lock_view(target) {
            Some(_lock) => clear_up(target),
            None => Ok(()),
        }
    }

    /// The answer of [`Store::show`] if nothing has to change.
    fn already_right(&self, target: &Path, wanted: &BTreeMap<&Below, Digest>) -> Result<Option<Shown>> {
        if self.is_as_remembered(target, wanted) {
            return Ok(Some(Shown::default()));
        }
        let Some(marker) = read_marker(target)? else {
            // No folder is created to show nothing.
            let absent = wanted.iter().filter(|(_, digest)| !self.has(digest));
            let absent: Vec<String> = absent.map(|(name, _)| name.to_string()).collect();
            let nothing = absent.len() == wanted.len() && fsx::stat_link(target)?.is_none();
            return Ok(nothing.then(|| Shown { absent, ..Shown::default() }));
        };
        let shown = compare(&self.layout, target, &marker, wanted)?;
        if shown.is_some() {
            self.remember_shown(target, &marker, wanted);
        }
        Ok(shown)
    }

    /// Where an artifact is shown in the folder `target`, if it is shown there unchanged.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn shown(&self, target: &Path, artifact: &StoredArtifact) -> Result<Option<PathBuf>> {
        let Some(marker) = read_marker(target)? else { return Ok(None) };
        let Some(entry) = marker.files.get(&artifact.file) else { return Ok(None) };
        let path = artifact.file.under(target);
        let is_unchanged = entry.digest == artifact.digest
            && entry.stat.is_some()
            && stat_shown(&path, &artifact.file)? == entry.stat;
        Ok(is_unchanged.then_some(path))
    }

    /// Removes what is shown in a folder. True if nothing else was in it, and the folder is gone.
    fn hide(&self, folder: &Path) -> Result<bool> {
        if read_marker(folder)?.is_none() {
            return Ok(false);
        }
        let _lock = self.lock_view(folder);
        // Another process may have changed the folder before the lock was taken.
        let Some(marker) = read_marker(folder)? else { return Ok(false) };
        remove_ours(folder, &marker)?;
        Ok(fsx::remove_folder_if_empty(folder)?)
    }

    /// The lock for changing a shown folder. `None` if the store cannot be written or has no working locks: then the
    /// folder is changed without it.
    fn lock_view(&self, target: &Path) -> Option<FileLock> {
        self.layout.short_lock(&lock_name(target)).ok().filter(FileLock::is_enforced)
    }
}

fn lock_name(target: &Path) -> String {
    format!("{VIEW_LOCK}{}", Digest::of(target.as_os_str().as_encoded_bytes()).hex())
}

fn by_name<'a>(
    artifacts: impl IntoIterator<Item = &'a StoredArtifact>,
) -> Result<BTreeMap<&'a Below, Digest>> {
    let mut wanted = BTreeMap::new();
    for artifact in artifacts {
        let name = &artifact.file;
        let why = if !is_single(name) {
            "it is not a plain file name"
        } else if name.plain() == MARKER {
            "pcamflow uses that name itself"
        } else if wanted.insert(name, artifact.digest).is_some() {
            "two artifacts have it"
        } else {
            continue;
        };
        let name = name.to_string();
        return Err(Error::Refused(format!("{name:?} cannot be the name of an artifact's file: {why}")));
    }
    Ok(wanted)
}

/// What is not shown if the folder is otherwise right; `None` if it has to change.
fn compare(
    layout: &Layout,
    target: &Path,
    marker: &Marker,
    wanted: &BTreeMap<&Below, Digest>,
) -> Result<Option<Shown>> {
    let listed = marker.files.iter().map(|(name, entry)| (name, entry.digest));
    if !listed.eq(wanted.iter().map(|(name, digest)| (*name, *digest))) {
        return Ok(None);
    }
    let mut absent = Vec::new();
    for (name, entry) in &marker.files {
        let path = name.under(target);
        if stat_shown(&path, name)? != entry.stat {
            return Ok(None);
        }
        match entry.exposed {
            Some(Exposed::Copy | Exposed::Reflink) => {}
            // A link to a missing object is right again when the object is back.
            Some(Exposed::Link) | None if !layout.has(&entry.digest)? => absent.push(name.to_string()),
            // The store or this folder may have been moved.
            Some(Exposed::Link) if leads_to(&path, &layout.object(&entry.digest)) => {}
            Some(Exposed::Link) | None => return Ok(None),
        }
    }
    Ok(Some(Shown { absent, ..Shown::default() }))
}

/// Whether a link leads to an existing object.
fn leads_to(link: &Path, object: &Path) -> bool {
    let found = |path| fsx::stat(path).ok().flatten();
    found(object).is_some_and(|object| found(link) == Some(object))
}

#[cfg(test)]
mod tests;
