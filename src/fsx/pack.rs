//! Packs a folder into one file, so that it is stored like any other artifact: a tar archive that depends only on names,
//! contents, links and executability.
//!
//! Anyone may have written an archive in a store. Reading refuses everything that [`pack`] does not write, and unpacking
//! never writes through a link, because it uses file descriptors of the new folders.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, symlinkat};
use tar::{Archive, Builder, EntryType, Header};

use super::{
    Below, Error, Result, files,
    folder::{Links, walk},
    links::Tree,
    parent::parent,
    tree::{remove_tree, replace_folder},
    what::What,
};
use crate::digest::Digest;

/// Packs a folder into `to`.
///
/// # Errors
/// Where it cannot be read (as [`walk`]) or written; where a file grows or shrinks meanwhile.
pub fn pack(folder: &Path, to: impl Write) -> Result<()> {
    let mut archive = Builder::new(to);
    for entry in walk(folder, Links::Kept)? {
        let path = folder.join(&entry.path);
        let at = |cause| Error::new("pack", &path, cause);
        match entry.what {
            What::Folder => {
                archive.append_data(&mut header(EntryType::Directory, 0o755, 0), entry.path, io::empty())
            }
            What::Link(target) => {
                archive.append_link(&mut header(EntryType::Symlink, 0o777, 0), entry.path, target)
            }
            What::File { executable } => {
                let file = File::open(&path).map_err(at)?;
                if file.metadata().map_err(at)?.len() != entry.stat.size {
                    return Err(Error::changing(&path));
                }
                let mode = if executable { 0o755 } else { 0o644 };
                let mut header = header(EntryType::Regular, mode, entry.stat.size);
                archive.append_data(&mut header, entry.path, file.take(entry.stat.size))
            }
        }
        .map_err(at)?;
    }
    archive.into_inner().and_then(|mut to| to.flush()).map_err(Error::at("pack", folder))
}

/// The digest of a packed folder.
///
/// # Errors
/// As [`pack`].
pub fn packed_digest(folder: &Path) -> Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    pack(folder, &mut hasher)?;
    Ok(Digest::from(hasher.finalize()))
}

/// Checks whether an archive can be unpacked, without writing anything.
///
/// # Errors
/// Where it cannot be read, or contains something that [`pack`] does not write.
pub fn check_packed(archive: &Path) -> Result<()> {
    read(archive, |_, _, _| Ok(())).map(drop)
}

/// Unpacks a packed folder as the new folder `to`. Its files are read-only.
///
/// # Errors
/// As [`check_packed`], or where `to` exists or cannot be written. An incomplete folder is removed.
pub fn unpack(archive: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).map_err(Error::at("create the folder", to))?;
    unpack_into(archive, to).inspect_err(|_| drop(remove_tree(to)))
}

/// Unpacks a packed folder in one step, replacing an existing folder. Creates the folder above it.
///
/// # Errors
/// As [`unpack`]; the old folder is then unchanged.
pub fn unpack_whole(archive: &Path, to: &Path) -> Result<()> {
    let folder = parent(to);
    files::create_folder(&folder)?;
    let new = folder.join(format!(".{}", files::unique_name()));
    unpack(archive, &new)?;
    let moved = replace_folder(&new, to);
    // This is the old folder, or the new one if it could not be moved.
    remove_tree(&new)?;
    moved?.map_or(Ok(()), |aside| remove_tree(&aside))
}

fn unpack_into(archive: &Path, to: &Path) -> Result<()> {
    let place = Place::open(to).map_err(Error::at("write in", to))?;
    let written = |name: &str, cause| Error::new("write", &to.join(name), cause);
    let tree = read(archive, |name, what, content| {
        match what {
            What::Folder => place.create_folder(name),
            What::File { executable } => place.create_file(name, *executable, content),
            // Created last, so that nothing can be written through one.
            What::Link(_) => Ok(()),
        }
        .map_err(|cause| written(name, cause))
    })?;
    tree.links()
        .try_for_each(|(path, target)| place.create_link(path, target).map_err(|cause| written(path, cause)))
}

/// Reads an archive entry by entry.
fn read(archive: &Path, mut take: impl FnMut(&Below, &What, &mut dyn Read) -> Result<()>) -> Result<Tree> {
    let at = |cause| Error::new("unpack", archive, cause);
    let refused = |path: &str, why: &dyn std::fmt::Display| {
        at(io::Error::other(format!("it is not a folder packed by pcamflow: {path:?}: {why}")))
    };
    let file = BufReader::with_capacity(1 << 16, File::open(archive).map_err(at)?);
    let mut tree = Tree::default();
    for entry in Archive::new(file).entries_with_seek().map_err(at)? {
        let mut entry = entry.map_err(at)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let named = std::str::from_utf8(&entry.path_bytes()).is_ok();
        let name = Below::new(path.as_str()).map_err(|bad| refused(&path, &bad.why))?;
        let what = what_of(&entry).map_err(at)?.filter(|_| named);
        let what = what.ok_or_else(|| refused(&path, &"it is neither file, folder nor link"))?;
        tree.add(&name, what.clone()).map_err(|why| refused(&path, &why))?;
        take(&name, &what, &mut entry)?;
    }
    match tree.bad_link() {
        Some((path, why)) => Err(refused(path, &why)),
        None => Ok(tree),
    }
}

/// What an entry is; `None` for hard links, devices and everything else that is not packed.
fn what_of(entry: &tar::Entry<'_, impl Read>) -> io::Result<Option<What>> {
    Ok(match entry.header().entry_type() {
        EntryType::Directory => Some(What::Folder),
        EntryType::Regular => Some(What::File { executable: entry.header().mode()? & 0o100 != 0 }),
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default();
            std::str::from_utf8(&target).ok().map(|target| What::Link(target.to_owned()))
        }
        _ => None,
    })
}

/// A new folder that is being filled. Every part of a name is opened in the folder before it, without following links.
/// So nothing is written elsewhere, whatever other processes do meanwhile.
struct Place(OwnedFd);

impl Place {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open_folder(CWD, path)?))
    }

    fn create_folder(&self, name: &Below) -> io::Result<()> {
        self.within(name.plain(), |folder, name| mkdirat(folder, name, Mode::from_raw_mode(0o777)))
    }

    fn create_file(&self, name: &Below, executable: bool, content: &mut dyn Read) -> io::Result<()> {
        let mode = Mode::from_raw_mode(if executable { 0o555 } else { 0o444 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = self.within(name, |folder, name| openat(folder, name, flags, mode))?;
        io::copy(content, &mut File::from(file)).map(drop)
    }

    fn create_link(&self, path: &str, target: &str) -> io::Result<()> {
        self.within(path, |folder, name| symlinkat(target, folder, name))
    }

    /// Runs `action` in the folder of a path.
    fn within<T>(
        &self,
        path: &str,
        action: impl FnOnce(BorrowedFd<'_>, &str) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let mut folder = self.0.try_clone()?;
        let mut name = path;
        while let Some((part, rest)) = name.split_once('/') {
            folder = open_folder(&folder, part.as_ref())?;
            name = rest;
        }
        Ok(action(folder.as_fd(), name)?)
    }
}

fn open_folder(within: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(within, path, flags, Mode::empty())?)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn packed(folder: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(folder, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_packed_comes_back_and_packs_to_the_same_bytes() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("my plöts");
        let long = "n".repeat(180);
        fs::create_dir_all(folder.join("empty")).unwrap();
        fs::create_dir_all(folder.join("in/ner")).unwrap();
        fs::write(folder.join("in/ner").join(&long), vec![7; 70_000]).unwrap();
        fs::write(folder.join("run"), "#!/bin/sh").unwrap();
        fs::set_permissions(folder.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("../run", folder.join("in/link")).unwrap();
        let bytes = packed(&folder);
        assert_eq!(packed_digest(&folder).unwrap(), Digest::of(&bytes));
        let archive = above.path().join("archive");
        fs::write(&archive, &bytes).unwrap();
        let back = above.path().join("back");
        unpack(&archive, &back).unwrap();
        assert_eq!(packed(&back), bytes);
        assert_eq!(back.join("run").metadata().unwrap().permissions().mode() & 0o777, 0o555);
        assert_eq!(fs::read(back.join("in/ner").join(long)).unwrap().len(), 70_000);
        assert!(unpack(&archive, &back).unwrap_err().to_string().contains("cannot create the folder"));
    }

    /// An archive as anyone could write it: names with a type, and what a link says.
    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (name, kind, target) in entries {
            let mut header = header(*kind, 0o755, 0);
            // Past the checks of the crate, which refuses such names.
            let gnu = header.as_gnu_mut().unwrap();
            gnu.name[..name.len()].copy_from_slice(name.as_bytes());
            gnu.linkname[..target.len()].copy_from_slice(target.as_bytes());
            header.set_cksum();
            archive.append(&header, io::empty()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    #[test]
    fn an_archive_that_leads_out_or_was_not_packed_here_is_refused_and_writes_nothing() {
        use EntryType::{Block, Char, Directory, Fifo, GNUSparse, Link, Regular, Symlink};
        let above = tempfile::tempdir().unwrap();
        let elsewhere = above.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let absolute = elsewhere.to_str().unwrap();
        let (packed, to) = (above.path().join("archive"), above.path().join("to"));
        for entries in [
            vec![("../evil", Regular, "")],
            vec![("d", Directory, ""), ("d/../../evil", Regular, "")],
            vec![("/tmp/pcamflow-evil", Regular, "")],
            vec![("esc", Symlink, absolute), ("esc/evil", Regular, "")],
            vec![("esc", Symlink, "../elsewhere"), ("esc/evil", Regular, "")],
            vec![("esc", Symlink, "../elsewhere")],
            vec![("d", Directory, ""), ("d/p", Symlink, "."), ("d/h", Symlink, "p/p/p/../../../../x")],
            vec![("d", Directory, ""), ("d", Symlink, "../elsewhere"), ("d/evil", Regular, "")],
            vec![("f", Regular, ""), ("f", Regular, "")],
            vec![("hard", Link, "../archive")],
            vec![("f", Regular, ""), ("hard", Link, "f")],
            vec![("dev", Char, "")],
            vec![("dev", Block, "")],
            vec![("pipe", Fifo, "")],
            vec![("sparse", GNUSparse, "")],
            vec![("n/evil", Regular, "")],
        ] {
            fs::write(&packed, archive(&entries)).unwrap();
            let error = check_packed(&packed).unwrap_err().to_string();
            // A sparse file has no header that the crate could read.
            let is_unread = entries[0].1 == GNUSparse && error.contains("cannot unpack");
            let is_refused = error.contains("it is not a folder packed by pcamflow: ");
            assert!(is_refused || is_unread, "{entries:?}: {error}");
            assert_eq!(unpack(&packed, &to).unwrap_err().to_string(), error);
            assert!(!to.exists() && fs::read_dir(&elsewhere).unwrap().next().is_none(), "{entries:?}");
            assert!(!above.path().join("evil").exists() && !Path::new("/tmp/pcamflow-evil").exists());
        }
        fs::write(&packed, archive(&[("d", Directory, ""), ("d/up", Symlink, "..")])).unwrap();
        check_packed(&packed).unwrap();
    }

    #[test]
    fn a_folder_that_becomes_a_link_while_it_is_filled_is_not_followed() {
        let above = tempfile::tempdir().unwrap();
        let to = above.path().join("to");
        fs::create_dir(&to).unwrap();
        let place = Place::open(&to).unwrap();
        let name = |name: &str| Below::new(name).unwrap();
        place.create_folder(&name("d")).unwrap();
        fs::remove_dir(to.join("d")).unwrap();
        symlink(above.path(), to.join("d")).unwrap();
        assert!(place.create_file(&name("d/evil"), false, &mut io::empty()).is_err());
        assert!(place.create_link("d/evil", "x").is_err() && place.create_folder(&name("d/evil")).is_err());
        assert!(!above.path().join("evil").exists());
    }
}
