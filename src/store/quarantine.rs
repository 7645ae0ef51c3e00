//! Damaged files are moved into `quarantine/`, never deleted, so that they can be examined.

use std::path::{Path, PathBuf};

use super::{Damage, Result, layout::Layout};
use crate::fsx::{self, Durability, StatTuple};

impl Layout {
    /// Quarantines what is at `path` unless it is a file or a link to one. `None` if there was nothing to do.
    pub(super) fn quarantine_non_file(&self, path: &Path) -> Option<Damage> {
        let what = fsx::non_file(path)?;
        let seen = fsx::stat_there(path).ok()??;
        Some(quarantine(self, path, &seen, what.to_owned()))
    }
}

/// Quarantines a damaged file whose stat tuple was `seen`.
pub(super) fn quarantine(layout: &Layout, path: &Path, seen: &StatTuple, what: String) -> Damage {
    Damage { moved_to: move_aside(layout, path, seen), path: path.to_owned(), what }
}

/// As [`quarantine`]. `None` if another process removed or replaced the file meanwhile.
pub(super) fn quarantine_unless_changed(
    layout: &Layout,
    path: &Path,
    seen: &StatTuple,
    what: String,
) -> Result<Option<Damage>> {
    let damage = quarantine(layout, path, seen, what);
    let is_the_same = damage.moved_to.is_some() || fsx::stat_there(path)? == Some(*seen);
    Ok(is_the_same.then_some(damage))
}

fn move_aside(layout: &Layout, path: &Path, seen: &StatTuple) -> Option<PathBuf> {
    layout.prepare(&layout.quarantine).ok()?;
    // A link is moved itself; `seen` may be what it points to.
    let own = fsx::stat_link(path).ok()??.inode;
    if own != seen.inode && fsx::stat_there(path).ok()??.inode != seen.inode {
        return None;
    }
    let name = format!("{}.{}", path.file_name()?.to_string_lossy(), fsx::unique_name());
    let aside = layout.quarantine.join(name);
    fsx::move_file(path, &aside).ok()?;
    // Another process may have put a good file there since: move it back.
    if fsx::stat_link(&aside).ok()??.inode != own {
        let _ = fsx::publish_new(&aside, path, Durability::Relaxed);
        return None;
    }
    Some(aside)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_damaged_file_moves_and_a_sound_one_that_took_its_place_returns() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open(folder.path(), Durability::Relaxed).unwrap();
        let path = folder.path().join("object");
        fs::write(&path, "damaged").unwrap();
        let seen = fsx::stat(&path).unwrap().unwrap();
        fs::write(folder.path().join("sound"), "sound").unwrap();
        fs::rename(folder.path().join("sound"), &path).unwrap();
        assert_eq!(quarantine(&layout, &path, &seen, "bits".into()).moved_to, None);
        assert_eq!(fs::read(&path).unwrap(), b"sound");

        let seen = fsx::stat(&path).unwrap().unwrap();
        let damage = quarantine(&layout, &path, &seen, "its digest differs".into());
        let there = damage.moved_to.clone().unwrap();
        assert_eq!(fs::read(&there).unwrap(), b"sound");
        assert!(!path.exists());
        let said =
            format!("{} is damaged: its digest differs; it was moved to {}", path.display(), there.display());
        assert_eq!(damage.to_string(), said);
    }
}
