//! Replaces a folder in one step, and removes folders in any state.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use super::{Error, Result, files};

/// The extension of a replaced folder if folders cannot be exchanged.
pub(crate) const REPLACED: &str = "replaced";

/// Puts the folder `new` at `path`, on the same file system, and returns where the old folder is now, if there was one.
/// The two are exchanged in one step. If the file system cannot do that (NFS), for an instant nothing is at `path`, and
/// the old folder becomes `new` + `.replaced`.
///
/// # Errors
/// Where it cannot be renamed; both folders then stay where they are.
pub fn replace_folder(new: &Path, path: &Path) -> Result<Option<PathBuf>> {
    match renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Some(new.to_owned())),
        Err(Errno::NOENT) => files::move_file(new, path).map(|()| None),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => replace_in_two_steps(new, path),
        Err(errno) => Err(Error::new("replace the folder", path, errno.into())),
    }
}

fn replace_in_two_steps(new: &Path, path: &Path) -> Result<Option<PathBuf>> {
    let aside = new.with_added_extension(REPLACED);
    files::move_file(path, &aside)?;
    if let Err(error) = files::move_file(new, path) {
        files::move_file(&aside, path)?;
        return Err(error);
    }
    Ok(Some(aside))
}

/// Removes a file, a link (not its target) or a whole folder, with read-only parts, even while a dying process still
/// writes into it. Succeeds if there is nothing.
///
/// # Errors
/// Where something cannot be removed.
pub fn remove_tree(path: &Path) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(2);
    let mut forbidden_before = false;
    loop {
        let Err(cause) = remove_once(path) else { return Ok(()) };
        match cause.kind() {
            io::ErrorKind::PermissionDenied if !forbidden_before => make_folders_writable(path),
            // A process put a file into a folder that had just been emptied.
            io::ErrorKind::DirectoryNotEmpty if Instant::now() < patience => sleep(Duration::from_millis(1)),
            _ => return Err(Error::new("remove", path, cause)),
        }
        forbidden_before |= cause.kind() == io::ErrorKind::PermissionDenied;
    }
}

fn remove_once(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(cause) => Err(cause),
    };
    match removed {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a folder and those below writable for the owner. The removal reports failures.
fn make_folders_writable(path: &Path) {
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return;
    }
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    for name in files::list(path).unwrap_or_default() {
        make_folders_writable(&path.join(name));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder_with(parent: &Path, name: &str, file: &str) -> PathBuf {
        let path = parent.join(name);
        files::create_folder(&path).unwrap();
        fs::write(path.join(file), file).unwrap();
        path
    }

    #[test]
    fn folders_change_places_in_one_step_and_in_two() {
        type Replace = fn(&Path, &Path) -> Result<Option<PathBuf>>;
        for replace in [replace_folder as Replace, replace_in_two_steps as Replace] {
            let parent = tempfile::tempdir().unwrap();
            let old = folder_with(parent.path(), "shown", "old file");
            let new = folder_with(parent.path(), ".new", "new file");
            let aside = replace(&new, &old).unwrap().unwrap();
            assert!(old.join("new file").exists() && aside.join("old file").exists());
            assert!(!old.join("old file").exists());
        }
    }

    #[test]
    fn a_folder_takes_a_free_place_and_a_failure_changes_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let new = folder_with(parent.path(), ".new", "file");
        let path = parent.path().join("shown");
        assert_eq!(replace_folder(&new, &path).unwrap(), None);
        assert!(path.join("file").exists() && !new.exists());
        assert!(replace_folder(&new, &path).is_err());
        assert!(replace_in_two_steps(&new, &path).is_err());
        assert!(path.join("file").exists());
    }

    #[test]
    fn a_tree_goes_with_read_only_folders_and_leaves_what_its_links_point_to() {
        let parent = tempfile::tempdir().unwrap();
        let precious = folder_with(parent.path(), "precious", "file");
        let tree = folder_with(parent.path(), "tree/in ner", "file");
        symlink(&precious, tree.join("link")).unwrap();
        fs::set_permissions(&tree, fs::Permissions::from_mode(0o500)).unwrap();
        remove_tree(&parent.path().join("tree")).unwrap();
        assert!(!parent.path().join("tree").exists());
        symlink(&precious, parent.path().join("link")).unwrap();
        remove_tree(&parent.path().join("link")).unwrap();
        remove_tree(&parent.path().join("link")).unwrap();
        assert!(precious.join("file").exists());
    }

    #[test]
    fn a_tree_is_removed_while_another_process_writes_into_it() {
        let parent = tempfile::tempdir().unwrap();
        let tree = folder_with(parent.path(), "tree", "first");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..2000).all(|i| fs::write(tree.join(i.to_string()), "x").is_ok()));
            while !tree.join("1").exists() && !writer.is_finished() {
                std::hint::spin_loop();
            }
            remove_tree(&tree).unwrap();
        });
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
