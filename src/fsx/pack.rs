//! A folder in one file: a tar archive that depends on nothing but names, contents, links and the right to
//! execute.
//!
//! So a folder is stored as any other artifact is: there whole or not at all, checked by one stat tuple,
//! verified, measured and collected as one file; and `tar` can read it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, symlink},
    path::{Component, Path, PathBuf},
};

use tar::{Archive, Builder, EntryType, Header};

use super::{
    Error, Result,
    folder::{Links, What, walk},
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

/// The digest that a folder has when it is packed.
///
/// # Errors
/// As [`pack`].
pub fn packed_digest(folder: &Path) -> Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    pack(folder, &mut hasher)?;
    Ok(Digest::from(hasher.finalize()))
}

/// Unpacks a packed folder as the new folder `to`. Its files are read-only.
///
/// # Errors
/// Where the archive cannot be read or is none of ours, or `to` exists or cannot be written.
pub fn unpack(archive: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).map_err(Error::at("create the folder", to))?;
    let at = |cause| Error::new("unpack", archive, cause);
    let file = io::BufReader::with_capacity(1 << 16, File::open(archive).map_err(at)?);
    for entry in Archive::new(file).entries().map_err(at)? {
        let mut entry = entry.map_err(at)?;
        let path = to.join(inside(&entry.path().map_err(at)?).map_err(at)?);
        match entry.header().entry_type() {
            EntryType::Directory => fs::create_dir(&path),
            EntryType::Symlink => {
                let target = entry.link_name().map_err(at)?.map(PathBuf::from).unwrap_or_default();
                symlink(target, &path)
            }
            _ => {
                let mode = if entry.header().mode().map_err(at)? & 0o100 == 0 { 0o444 } else { 0o555 };
                let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
                file.and_then(|mut file| io::copy(&mut entry, &mut file)).map(drop)
            }
        }
        .map_err(Error::at("write", &path))?;
    }
    Ok(())
}

/// A path of an archive, unless it leads out of the folder.
fn inside(path: &Path) -> io::Result<PathBuf> {
    match path.components().all(|part| matches!(part, Component::Normal(_))) {
        true => Ok(path.to_owned()),
        false => Err(io::Error::other("it is no packed folder")),
    }
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
    use std::os::unix::fs::PermissionsExt;

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

    #[test]
    fn an_archive_that_leads_out_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let mut header = header(EntryType::Regular, 0o644, 1);
        header.as_gnu_mut().unwrap().name[..7].copy_from_slice(b"../evil");
        header.set_cksum();
        let mut archive = Builder::new(Vec::new());
        archive.append(&header, &b"x"[..]).unwrap();
        fs::write(above.path().join("archive"), archive.into_inner().unwrap()).unwrap();
        let error = unpack(&above.path().join("archive"), &above.path().join("to")).unwrap_err();
        assert!(error.to_string().ends_with("it is no packed folder"), "{error}");
        assert!(!above.path().join("evil").exists());
    }
}
