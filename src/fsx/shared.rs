//! Folders that a group shares, like git's shared repositories: the whole group may write new files in them.
//!
//! Such a folder is writable for the group and has the set-group-ID bit (mode 2775). The kernel then gives new files to
//! the group, but the user's umask takes away the permission to write; this module restores it.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::parent::parent;

/// The set-group-ID bit and the group's permission to write.
const SHARED: u32 = 0o2020;

/// Whether a group shares a folder.
fn is_shared(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|metadata| metadata.permissions().mode() & SHARED == SHARED)
}

/// Makes a new file writable for the group that shares its folder. The mode of another user's file cannot be changed.
pub(super) fn follow(path: &Path, file: &File) {
    if is_shared(&parent(path))
        && let Ok(metadata) = file.metadata()
    {
        let mode = metadata.permissions().mode() | 0o060;
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
}

/// As [`follow`], for folders that were created in `above`.
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
