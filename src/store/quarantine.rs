//! Damaged files are moved aside, never deleted: somebody may want to know what happened to them.

use std::path::{Path, PathBuf};

use super::{Damage, layout::Layout};
use crate::fsx::{self, Durability, StatTuple};

impl Layout {
    /// Moves away whatever stands at `path` if it is no file, nor a link to one. `None` if it is one, or
    /// nothing is there.
    pub(super) fn put_away_what_is_no_file(&self, path: &Path) -> Option<Damage> {
        let what = fsx::oddity(path)?;
        let seen = fsx::stat_there(path).ok()??;
        Some(put_away(self, path, &seen, what.to_owned()))
    }
}

/// Moves away the file at `path` that was found damaged when its stat tuple was `seen`.
pub(super) fn put_away(layout: &Layout, path: &Path, seen: &StatTuple, what: String) -> Damage {
    Damage { moved_to: move_there(layout, path, seen), path: path.to_owned(), what }
}

fn move_there(layout: &Layout, path: &Path, seen: &StatTuple) -> Option<PathBuf> {
    let folder = layout.quarantine();
    layout.prepare(&folder).ok()?;
    // Of a link, the link is moved; what was seen may be what it leads to.
    let own = fsx::stat_link(path).ok()??.inode;
    if own != seen.inode && fsx::stat_there(path).ok()??.inode != seen.inode {
        return None;
    }
    let name = format!("{}.{}", path.file_name()?.to_string_lossy(), fsx::unique_name());
    let aside = folder.join(name);
    fsx::move_file(path, &aside).ok()?;
    // Another process may have put a sound file there since we looked: that one goes back.
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
        assert_eq!(put_away(&layout, &path, &seen, "bits".into()).moved_to, None);
        assert_eq!(fs::read(&path).unwrap(), b"sound");

        let seen = fsx::stat(&path).unwrap().unwrap();
        let damage = put_away(&layout, &path, &seen, "its digest differs".into());
        let there = damage.moved_to.clone().unwrap();
        assert_eq!(fs::read(&there).unwrap(), b"sound");
        assert!(!path.exists());
        let said =
            format!("{} is damaged: its digest differs; it was moved to {}", path.display(), there.display());
        assert_eq!(damage.to_string(), said);
    }
}
