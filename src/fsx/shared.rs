//! Folders that a group shares, as git's shared repositories: what is made in one is for the whole group.
//!
//! Such a folder has the group's right to write and the set-group-ID bit (mode 2775). The kernel then gives
//! the group to what is made there; the right to write, which the umask of the user takes away, is given here.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::parent::parent;

/// The set-group-ID bit and the group's right to write.
const SHARED: u32 = 0o2020;

/// Whether a group shares a folder.
fn is_shared(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|metadata| metadata.permissions().mode() & SHARED == SHARED)
}

/// Gives a new file to the group that shares its folder. A file of another user stays as it is, because it cannot
/// be given.
pub(super) fn follow(path: &Path, file: &File) {
    if is_shared(&parent(path))
        && let Ok(metadata) = file.metadata()
    {
        let mode = metadata.permissions().mode() | 0o060;
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
}

/// As [`follow`], for folders that were made in `above`.
pub(super) fn follow_folders(above: &Path, made: &[&Path]) {
    if made.is_empty() || !is_shared(above) {
        return;
    }
    for folder in made {
        if let Ok(metadata) = folder.metadata() {
            let mode = metadata.permissions().mode() | SHARED | 0o070;
            let _ = fs::set_permissions(folder, Permissions::from_mode(mode));
        }
    }
}
