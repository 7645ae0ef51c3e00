//! Files that appear whole or not at all: written under a temporary name, then renamed.

use std::{
    fs::{File, Permissions, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use tempfile::{Builder, NamedTempFile, TempPath};

use super::{Error, Kind, Result, files, non_file, parent::parent, shared};

/// The beginning of the temporary names.
const PREFIX: &str = ".draft-";

/// How many bytes are written to find out whether a disk is full.
const PROBE: usize = 64 << 10;

/// Whether a published file must survive a power loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The kernel decides when to write. A crash of a process loses nothing. After a power loss a file may be missing
    /// or torn, and readers must be able to notice that.
    #[default]
    Relaxed,
    /// File and folder are flushed to the disk before the call returns.
    Durable,
}

/// A file that is being written under a temporary name. If it is dropped unpublished, it is removed.
///
/// Its writer holds a lock on it, so that [`sweep_drafts`] can recognise the drafts of dead processes.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
}

impl Draft {
    /// An empty draft in `folder`, which must be on the file system where it will be published.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn create_in(folder: &Path) -> Result<Self> {
        let at = |cause| Error::new("write in", folder, cause);
        loop {
            let mode = Permissions::from_mode(0o666);
            let file = Builder::new().prefix(PREFIX).permissions(mode).tempfile_in(folder).map_err(at)?;
            shared::follow(file.path(), file.as_file());
            match file.as_file().try_lock() {
                // A sweep between creation and lock may have removed it.
                Ok(()) if file.as_file().metadata().map_err(at)?.nlink() > 0 => return Ok(Self { file }),
                // A sweep has locked it, and is about to remove it.
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                // Without working locks, drafts are not swept either.
                Err(TryLockError::Error(_)) => return Ok(Self { file }),
            }
        }
    }

    /// The temporary name.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives the file its final name, replacing an existing file.
    ///
    /// # Errors
    /// Where it cannot be flushed or renamed.
    pub fn publish(self, path: &Path, durability: Durability) -> Result<()> {
        flush(self.path(), durability)?;
        self.file.persist(path).map_err(|error| Error::new("write", path, error.error))?;
        flush(&parent(path), durability)
    }

    /// Gives the file its final name unless that is taken. True if it was free.
    ///
    /// # Errors
    /// Where it cannot be flushed or renamed.
    pub fn publish_new(self, path: &Path, durability: Durability) -> Result<bool> {
        flush(self.path(), durability)?;
        match self.file.persist_noclobber(path) {
            Ok(_) => flush(&parent(path), durability).map(|()| true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::new("write", path, error.error)),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a file atomically: readers see the old bytes or the new ones, even after a crash.
///
/// # Errors
/// Where it cannot be written; the old file is then unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    write_through(&parent(path), path, bytes)?.publish(path, durability)
}

/// Copies a file atomically, and creates the folder above it. An existing file is replaced only if `replace`.
///
/// # Errors
/// Where the file cannot be read or the copy not written.
pub fn copy_whole(from: &Path, to: &Path, replace: bool) -> Result<()> {
    let folder = parent(to);
    files::create_folder(&folder)?;
    let mut draft = Draft::create_in(&folder)?;
    io::copy(&mut files::open(from)?, &mut draft).map_err(Error::at("write", to))?;
    match replace {
        true => draft.publish(to, Durability::Relaxed),
        false => draft.publish_new(to, Durability::Relaxed).map(drop),
    }
}

/// Checks whether [`write_atomic`] can write a small file here, without writing it.
///
/// # Errors
/// Where it cannot, for example because the disk is full.
pub fn is_writable(path: &Path) -> Result<()> {
    if let Some(what) = non_file(path).filter(|_| path.exists()) {
        return Err(Error::not_a_file("write", path, what));
    }
    write_through(&parent(path), path, &[0; PROBE]).map(drop)
}

/// Replaces the content of an existing file atomically, as an editor would: through symbolic links, keeping its mode.
/// False, with nothing done, if its content is no longer `old`.
///
/// # Errors
/// Where it cannot be read or written; the file is then unchanged.
pub fn rewrite(path: &Path, old: &[u8], new: &[u8], durability: Durability) -> Result<bool> {
    let at = |cause| Error::new("write", path, cause);
    let target = path.canonicalize().map_err(at)?;
    let draft = write_through(&parent(&target), path, new)?;
    let mode = target.metadata().map_err(at)?.permissions();
    draft.file.as_file().set_permissions(mode).map_err(at)?;
    if files::read(&target)? != old {
        return Ok(false);
    }
    draft.publish(&target, durability).map(|()| true)
}

/// A draft in `folder` with these bytes, to be published as `path`, which errors name.
pub(crate) fn write_through(folder: &Path, path: &Path, bytes: &[u8]) -> Result<Draft> {
    let mut draft = Draft::create_in(folder)?;
    draft.write_all(bytes).map_err(Error::at("write", path))?;
    Ok(draft)
}

/// Moves a finished file to a name unless that is taken. True if it was free; otherwise the file stays.
///
/// # Errors
/// Where it cannot be moved, for example to another file system.
pub fn publish_new(from: &Path, to: &Path, durability: Durability) -> Result<bool> {
    flush(from, durability)?;
    let at = Error::at("rename a file to", to);
    let held = TempPath::try_from_path(from).map_err(Error::at("rename", from))?;
    match held.persist_noclobber(to) {
        Ok(()) => flush(&parent(to), durability).map(|()| true),
        Err(error) => {
            // A dropped `TempPath` removes its file; this file has to stay.
            error.path.keep().map_err(|kept| Error::new("keep", from, kept.error))?;
            let error = at(error.error);
            if error.kind() == Kind::AlreadyExists { Ok(false) } else { Err(error) }
        }
    }
}

/// Removes the drafts of dead processes in a folder. Without working locks, they all stay.
///
/// # Errors
/// Where the folder cannot be listed.
pub fn sweep_drafts(folder: &Path) -> Result<()> {
    for name in files::list(folder)? {
        if name.to_string_lossy().starts_with(PREFIX) {
            sweep(&folder.join(name));
        }
    }
    Ok(())
}

/// Removes a draft if its lock is free. Failures are left to the next sweep.
fn sweep(path: &Path) {
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
    {
        let _ = files::remove_file(path);
    }
}

/// Flushes a file, or the names in a folder, if it has to be durable.
fn flush(path: &Path, durability: Durability) -> Result<()> {
    match durability {
        Durability::Relaxed => Ok(()),
        Durability::Durable => files::sync(path),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fsx::testing::Disk;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("päth with blanks.json");
        for (text, durability) in
            [("one", Durability::Relaxed), ("two", Durability::Durable), ("", Durability::Relaxed)]
        {
            write_atomic(&path, text.as_bytes(), durability).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(files::list(folder.path()).unwrap().len(), 1);
        // As readable for others as any new file; temporary files have mode 0600.
        fs::write(folder.path().join("plain"), "").unwrap();
        let mode = |name: &str| folder.path().join(name).metadata().unwrap().mode();
        assert_eq!(mode("päth with blanks.json"), mode("plain"));
    }

    #[test]
    fn a_rewritten_file_keeps_its_mode_and_links_and_is_not_overwritten_if_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert!(rewrite(&link, b"old", b"new", Durability::Durable).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert!(!rewrite(&link, b"old", b"newer", Durability::Relaxed).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(files::list(folder.path()).unwrap().len(), 2);
    }

    #[test]
    fn the_first_of_many_wins_a_name_and_the_others_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let wins: usize = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..8)
                .map(|i: usize| {
                    let path = &path;
                    scope.spawn(move || {
                        let draft = write_through(&parent(path), path, i.to_string().as_bytes()).unwrap();
                        usize::from(draft.publish_new(path, Durability::Relaxed).unwrap())
                    })
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).sum()
        });
        assert_eq!(wins, 1);
        assert_eq!(files::list(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_finds_its_name_taken_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "ours").unwrap();
        fs::write(&to, "theirs").unwrap();
        assert!(!publish_new(&from, &to, Durability::Relaxed).unwrap());
        assert_eq!(
            (fs::read(&from).unwrap(), fs::read(&to).unwrap()),
            (b"ours".to_vec(), b"theirs".to_vec())
        );
        fs::remove_file(&to).unwrap();
        assert!(publish_new(&from, &to, Durability::Durable).unwrap());
        assert!(!from.exists());
        let error = publish_new(&from, &to, Durability::Relaxed).unwrap_err();
        assert_eq!(fs::read(&to).unwrap(), b"ours", "{error}");
    }

    #[test]
    fn a_sweep_takes_no_draft_from_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let (tmp, out) = (folder.path().join("tmp"), folder.path().join("out"));
        for folder in [&tmp, &out] {
            std::fs::create_dir(folder).unwrap();
        }
        let writing = std::sync::atomic::AtomicUsize::new(2);
        std::thread::scope(|threads| {
            for writer in 0..2 {
                let (tmp, out, writing) = (&tmp, &out, &writing);
                threads.spawn(move || {
                    for number in 0..2000 {
                        let path = out.join(format!("{writer}-{number}"));
                        let written = write_through(tmp, &path, b"x");
                        written.unwrap().publish(&path, Durability::Relaxed).unwrap();
                    }
                    writing.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
            while writing.load(std::sync::atomic::Ordering::SeqCst) > 0 {
                sweep_drafts(&tmp).unwrap();
            }
        });
        assert_eq!(files::list(&out).unwrap().len(), 4000);
    }

    #[test]
    fn only_drafts_without_a_living_writer_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join(".draft-dead");
        fs::write(&dead, "half").unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        let living = Draft::create_in(folder.path()).unwrap();
        sweep_drafts(folder.path()).unwrap();
        assert!(!dead.exists() && living.path().exists() && folder.path().join("other").exists());
        living.publish(&folder.path().join("done"), Durability::Relaxed).unwrap();
        assert_eq!(files::list(folder.path()).unwrap().len(), 2);
    }

    #[test]
    fn a_full_disk_is_named_and_leaves_the_old_file_alone() {
        let Some(disk) = Disk::of_bytes(1 << 20) else { return };
        let path = disk.path().join("file");
        write_atomic(&path, b"old", Durability::Relaxed).unwrap();
        let error = write_atomic(&path, &vec![1; 4 << 20], Durability::Relaxed).unwrap_err();
        assert_eq!(error.kind(), Kind::NoSpace);
        assert!(error.to_string().starts_with(&format!("cannot write {}: No space left", path.display())));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(files::list(disk.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_read_only_disk_is_named() {
        let Some(disk) = Disk::of_bytes(1 << 20) else { return };
        disk.make_read_only();
        let error = write_atomic(&disk.path().join("file"), b"x", Durability::Relaxed).unwrap_err();
        assert_eq!(error.kind(), Kind::ReadOnly);
    }
}
