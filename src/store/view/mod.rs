//! Shows a stage's artifacts to people in a folder of their own, `out/<pipeline>/<kind>.<name>/`.
//!
//! The folder is built beside its place and put there in one step. A hidden marker in it lists what we put
//! in, with stat tuples, so that a folder that is already right costs a few stats, and so that nothing is
//! ever deleted that is not ours: what is not in the list, or was edited since, is carried over into the
//! new folder (under another name where its own is taken).

mod marker;
mod remembered;
mod replace;
mod shown;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::PoisonError,
};

use super::{Error, Result, Store, StoredArtifact, layout::Layout};
use crate::{
    digest::Digest,
    fsx::{self, Below, Exposed, FileLock, TryLock},
};
use marker::{MARKER, Marker, is_real_folder, is_single, read_marker, remove_ours, stat_shown};
use replace::{clear_up, replace, target_of};
pub use shown::Shown;

/// What the names of the locks of shown folders begin with.
pub(super) const VIEW_LOCK: &str = "view-";

impl Store {
    /// Shows artifacts under their file names in the folder `target`, and nothing of ours that was shown
    /// there before. Costs a stat per file where that is so already.
    ///
    /// # Errors
    /// Where a file's name is unfit, something other than a folder stands at `target`, or it cannot be
    /// written.
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
        refuse_what_is_no_folder(&target)?;
        let lock = self.lock_view(&target);
        match self.already_right(&target, &wanted)? {
            Some(shown) => Ok(shown),
            None => {
                if let Some(lock) = &lock {
                    self.clear_up_for(&target, lock)?;
                }
                let shown = replace(&self.layout, &target, &wanted)?;
                if let Some(marker) = read_marker(&target)? {
                    self.remember_shown(&target, &marker, &wanted);
                }
                Ok(shown)
            }
        }
    }

    /// Removes what we show in the folders below `parent` other than `keep`: stages that the pipeline no
    /// longer has. What others put there stays. Returns the names of the folders that are gone. Also clears
    /// up what a crash left beside folders.
    ///
    /// # Errors
    /// Where something cannot be removed.
    pub fn hide_others(&self, parent: &Path, keep: &BTreeSet<String>) -> Result<Vec<String>> {
        let parent = std::path::absolute(parent).map_err(fsx::Error::at("resolve", parent))?;
        // What a link leads to is not this pipeline's to tidy up, whoever made the link.
        let before = fsx::stat_link(&parent)?.filter(|_| is_real_folder(&parent));
        let Some(before) = before.filter(|before| !self.shows_no_others(&parent, before, keep)) else {
            return Ok(Vec::new());
        };
        let mut gone = Vec::new();
        for name in fsx::list(&parent)? {
            let Some(name) = name.to_str() else { continue };
            if let Some(interrupted) = target_of(name) {
                let target = parent.join(interrupted);
                if let Some(_lock) = self.lock_view(&target) {
                    clear_up(&target)?;
                }
            } else if !keep.contains(name) && self.hide(&parent.join(name))? {
                gone.push(name.to_owned());
            }
        }
        self.remember_no_others(&parent, before, keep);
        Ok(gone)
    }

    /// Finishes what a crash left of a folder that is about to be replaced. A crash leaves its lock's file, so
    /// that nobody has to look for what is not there; what older ones left, and whoever had no locks, is
    /// looked for once, beside all folders. Only for the holder of the folder's lock.
    fn clear_up_for(&self, target: &Path, lock: &FileLock) -> Result<()> {
        let parent = fsx::parent(target);
        let known = !self.tidied.lock().unwrap_or_else(PoisonError::into_inner).insert(parent.clone());
        if lock.follows_another() || !known {
            clear_up(target)?;
        }
        if known {
            return Ok(());
        }
        for name in fsx::list(&parent)? {
            let Some(other) = name.to_str().and_then(target_of).map(|name| parent.join(name)) else {
                continue;
            };
            // Whoever holds its lock clears up itself; waiting for that one could be for ever.
            if other != target
                && let Some(_lock) = self.try_lock_view(&other)
            {
                clear_up(&other)?;
            }
        }
        Ok(())
    }

    /// What there is to say if the folder shows exactly what it should.
    fn already_right(&self, target: &Path, wanted: &BTreeMap<&Below, Digest>) -> Result<Option<Shown>> {
        if self.is_as_remembered(target, wanted) {
            return Ok(Some(Shown::default()));
        }
        let Some(marker) = read_marker(target)? else {
            // Nothing to show and nothing shown: no folder is made for that.
            let absent = absent(&self.layout, wanted)?;
            let nothing = absent.len() == wanted.len() && fsx::stat_link(target)?.is_none();
            return Ok(nothing.then(|| Shown { absent, ..Shown::default() }));
        };
        let shown = as_it_should_be(&self.layout, target, &marker, wanted)?;
        if shown.is_some() {
            self.remember_shown(target, &marker, wanted);
        }
        Ok(shown)
    }

    /// Where an artifact is shown in the folder `target`, if it is shown there as it is.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn shown(&self, target: &Path, artifact: &StoredArtifact) -> Result<Option<PathBuf>> {
        let Some(marker) = read_marker(target)? else { return Ok(None) };
        let path = artifact.file.under(target);
        let entry = marker.files.get(&artifact.file).filter(|entry| entry.digest == artifact.digest);
        let as_made = match entry {
            Some(entry) => entry.stat.is_some() && stat_shown(&path, &artifact.file)? == entry.stat,
            None => false,
        };
        Ok(as_made.then_some(path))
    }

    /// Removes what we show in a folder. True if it was all there was, and the folder is gone.
    fn hide(&self, folder: &Path) -> Result<bool> {
        if read_marker(folder)?.is_none() {
            return Ok(false);
        }
        let _lock = self.lock_view(folder);
        // Again: somebody else may have shown something here before the lock was ours.
        let Some(marker) = read_marker(folder)? else { return Ok(false) };
        remove_ours(folder, &marker)?;
        Ok(fsx::remove_folder_if_empty(folder)?)
    }

    /// The lock for changing what a folder shows; `None` where the store cannot be written or its file
    /// system has no locks: the change is made without it.
    fn lock_view(&self, target: &Path) -> Option<FileLock> {
        self.layout.short_lock(&lock_name(target)).ok().filter(FileLock::is_enforced)
    }

    /// As `lock_view`, unless somebody else has it.
    fn try_lock_view(&self, target: &Path) -> Option<FileLock> {
        match FileLock::try_acquire(&self.layout.locks().join(lock_name(target)), "a short update") {
            Ok(TryLock::Acquired(lock)) => Some(lock).filter(FileLock::is_enforced),
            Ok(TryLock::Held(_)) | Err(_) => None,
        }
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
        let bad = |why| Err(Error::BadName { name: name.to_string(), why });
        if !is_single(name) {
            return bad("it is not a plain file name");
        }
        if name.plain() == MARKER {
            return bad("pcamflow uses that name itself");
        }
        if wanted.insert(name, artifact.digest).is_some() {
            return bad("two artifacts have it");
        }
    }
    Ok(wanted)
}

/// What there is to say if the folder with that marker shows exactly what it should.
fn as_it_should_be(
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
        let as_made = stat_shown(&path, name)? == entry.stat;
        let object_is_here = || layout.has(&entry.digest);
        match entry.exposed {
            Some(Exposed::Copy | Exposed::Reflink) if as_made => {}
            // A link whose object is away leads nowhere until the object is back: nothing to be done here.
            Some(Exposed::Link) if as_made && !object_is_here()? => absent.push(name.to_string()),
            // The store, or this folder, may have moved.
            Some(Exposed::Link) if as_made && leads_to(&path, &layout.object(&entry.digest)) => {}
            None if as_made && !object_is_here()? => absent.push(name.to_string()),
            _ => return Ok(None),
        }
    }
    Ok(Some(Shown { absent, ..Shown::default() }))
}

/// Whether a link leads to an object that is there.
fn leads_to(link: &Path, object: &Path) -> bool {
    let found = |path| fsx::stat(path).ok().flatten();
    found(object).is_some_and(|object| found(link) == Some(object))
}

fn absent(layout: &Layout, wanted: &BTreeMap<&Below, Digest>) -> Result<Vec<String>> {
    let mut absent = Vec::new();
    for (name, digest) in wanted {
        if !layout.has(digest)? {
            absent.push(name.to_string());
        }
    }
    Ok(absent)
}

fn refuse_what_is_no_folder(target: &Path) -> Result<()> {
    match target.symlink_metadata() {
        Ok(metadata) if !metadata.is_dir() => Err(Error::InTheWay { path: target.to_owned() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
