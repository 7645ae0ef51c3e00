//! Basic operations on files and folders.

use std::{
    collections::hash_map::RandomState,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, Hasher},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use super::{
    Error, Kind, Result, StatTuple, error::if_exists, non_file::open_regular, parent::parent, shared,
};

/// The bytes of a file.
///
/// # Errors
/// Where it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::at("read", path))
}

/// The bytes of a regular file; `None` if it does not exist.
///
/// # Errors
/// Where it exists and cannot be read, or is something else.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    Ok(read_with_stat(path)?.map(|(_, bytes)| bytes))
}

/// The text in a regular file of at most `longest` bytes. The caller names the file in messages.
///
/// # Errors
/// Where it cannot be read, is a folder, a pipe or a device, is larger, or is not UTF-8.
pub fn read_text(path: &Path, longest: u64) -> io::Result<String> {
    let refuse = |what: String| Err(io::Error::other(what));
    // Checked before opening: opening a pipe would wait for a writer.
    let metadata = path.metadata()?;
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = if kind.is_dir() { "a folder" } else { "a pipe or a device" };
        return refuse(format!("it is {what}, and a file is expected"));
    }
    let size = metadata.len().min(longest) + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    File::open(path)?.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return refuse(format!("it has more than {} MiB", longest >> 20));
    }
    String::from_utf8(bytes).or_else(|error| {
        let text = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + text.iter().filter(|byte| **byte == b'\n').count();
        refuse(format!("it is not text (line {line} is not UTF-8)"))
    })
}

/// The bytes of a regular file, and its stat tuple from before they were read; `None` if it does not exist.
///
/// # Errors
/// Where it exists and cannot be read, or is something else.
pub fn read_with_stat(path: &Path) -> Result<Option<(StatTuple, Vec<u8>)>> {
    let (mut file, metadata) = match open_regular(path) {
        Err(error) if error.kind() == Kind::NotFound => return Ok(None),
        opened => opened?,
    };
    let stat = StatTuple::from(&metadata);
    let mut bytes = Vec::with_capacity(usize::try_from(stat.size).unwrap_or_default().saturating_add(1));
    file.read_to_end(&mut bytes).map_err(Error::at("read", path))?;
    Ok(Some((stat, bytes)))
}

/// The names in a folder, sorted; empty if it does not exist.
///
/// # Errors
/// Where it exists and cannot be listed.
pub fn list(path: &Path) -> Result<Vec<OsString>> {
    let names = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>());
    let mut names = if_exists("list", path, names)?.unwrap_or_default();
    names.sort();
    Ok(names)
}

/// Creates a folder and those above it, unless they exist. In a folder that a group shares, the group gets access.
///
/// # Errors
/// Where it cannot be created, or its name is taken by something else.
pub fn create_folder(path: &Path) -> Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    fs::create_dir_all(path).map_err(Error::at("create the folder", path))?;
    if let Some(first) = missing.last() {
        shared::follow_folders(&parent(first), &missing);
    }
    Ok(())
}

/// Opens a file for reading.
///
/// # Errors
/// Where it cannot be opened.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(Error::at("read", path))
}

/// Creates a file for writing, or empties an existing one. For files that only their writer reads (a log, an artifact in
/// a staging folder); use [`super::write_atomic`] for others.
///
/// # Errors
/// Where it cannot be created.
pub fn create(path: &Path) -> Result<File> {
    let file = File::create(path).map_err(Error::at("create", path))?;
    shared::follow(path, &file);
    Ok(file)
}

/// Opens a file for writing at its end, or creates it. For files that only their writer reads.
///
/// # Errors
/// Where it cannot be opened.
pub fn append(path: &Path) -> Result<File> {
    let file =
        OpenOptions::new().append(true).create(true).open(path).map_err(Error::at("append to", path))?;
    shared::follow(path, &file);
    Ok(file)
}

/// Appends to a file in one write, so that the lines of several processes do not mix. Creates it if needed.
///
/// # Errors
/// Where it cannot be written.
pub fn append_to(path: &Path, bytes: &[u8]) -> Result<()> {
    append(path)?.write_all(bytes).map_err(Error::at("append to", path))
}

/// The target of a symbolic link; `None` if there is no link.
///
/// # Errors
/// Where the file system fails.
pub fn link_target(path: &Path) -> Result<Option<PathBuf>> {
    match fs::read_link(path) {
        // This error means that it is not a link.
        Err(cause) if cause.kind() == io::ErrorKind::InvalidInput => Ok(None),
        other => if_exists("read the link", path, other),
    }
}

/// Removes a file or a symbolic link. True if there was one.
///
/// # Errors
/// Where it exists and cannot be removed.
pub fn remove_file(path: &Path) -> Result<bool> {
    Ok(if_exists("remove", path, fs::remove_file(path))?.is_some())
}

/// Removes an empty folder. True if it is gone, false if it is not empty.
///
/// # Errors
/// Where it cannot be removed for another reason.
pub fn remove_folder_if_empty(path: &Path) -> Result<bool> {
    match fs::remove_dir(path) {
        Err(cause) if cause.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        other => if_exists("remove the folder", path, other).map(|_| true),
    }
}

/// Renames a file or folder within its file system, replacing a file of that name.
///
/// # Errors
/// Where it cannot be renamed.
pub fn move_file(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::at("rename a file to", to))
}

/// Copies the content of a file, but not its attributes, to a new file.
///
/// # Errors
/// Where the file cannot be read or the copy not written; an incomplete copy is removed.
pub fn copy(from: &Path, to: &Path) -> Result<u64> {
    let mut source = File::open(from).map_err(Error::at("read", from))?;
    let mut target = File::create_new(to).map_err(Error::at("create", to))?;
    io::copy(&mut source, &mut target).map_err(|cause| {
        let _ = fs::remove_file(to);
        Error::new("write", to, cause)
    })
}

/// Sets the mode of a file to 0444: a sign to people, not a protection.
///
/// # Errors
/// Where the mode cannot be set.
pub fn make_read_only(path: &Path) -> Result<()> {
    set_mode(path, 0o444)
}

/// Sets the mode of a file to 0555.
///
/// # Errors
/// Where the mode cannot be set.
pub fn make_executable(path: &Path) -> Result<()> {
    set_mode(path, 0o555)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::at("set the mode of", path))
}

/// Sets a file's time of modification to now.
///
/// # Errors
/// Where it does not exist, or must not be changed.
pub fn touch(path: &Path) -> Result<()> {
    // Setting both times to the kernel's clock needs only permission to write the file, as a group may have.
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let now = Timestamps { last_access: now, last_modification: now };
    let touched = File::open(path).and_then(|file| Ok(futimens(&file, &now)?));
    touched.map_err(Error::at("set the time of", path))
}

/// Flushes a file, or the names in a folder, to the disk.
///
/// # Errors
/// Where that fails.
pub fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::at("flush to the disk", path))
}

/// A unique name: 16 random hexadecimal digits.
#[must_use]
pub fn unique_name() -> String {
    // The system seeds `RandomState` once for each thread. Forked processes share that seed, so process and time are
    // added.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    if let Ok(now) = std::time::UNIX_EPOCH.elapsed() {
        hasher.write_u128(now.as_nanos());
    }
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_is_distinguished_from_failure() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        assert_eq!(read_if_there(&absent).unwrap(), None);
        assert!(list(&absent).unwrap().is_empty());
        assert!(!remove_file(&absent).unwrap());
        assert_eq!(read(&absent).unwrap_err().kind(), Kind::NotFound);
        // A file in place of a folder is a failure.
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(read_if_there(&folder.path().join("file/below")).is_err());
    }

    #[test]
    fn only_an_empty_folder_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("ä folder");
        create_folder(&inner).unwrap();
        append_to(&inner.join("log"), b"one\n").unwrap();
        append_to(&inner.join("log"), b"two\n").unwrap();
        assert_eq!(read(&inner.join("log")).unwrap(), b"one\ntwo\n");
        assert!(!remove_folder_if_empty(&inner).unwrap());
        remove_file(&inner.join("log")).unwrap();
        assert!(remove_folder_if_empty(&inner).unwrap());
        assert!(!inner.exists());
    }

    #[test]
    fn copying_never_overwrites_and_unique_names_differ() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert_eq!(copy(&from, &to).unwrap_err().kind(), Kind::AlreadyExists);
        assert_eq!(read(&to).unwrap(), b"old");
        let names: std::collections::BTreeSet<String> = (0..1000).map(|_| unique_name()).collect();
        assert_eq!(names.len(), 1000);
    }
}
