//! A folder as one piece of data: its entries, its stat tuple, its digest.
//!
//! The digest is that of a list with a line for every folder and file below, sorted by path, with the digest of each
//! file's content and whether it is executable. Hidden files and empty folders count, times and owners do not. Names
//! have to be UTF-8, so that the list is the same on every machine.

use std::{
    fmt::Write as _,
    fs::{self, Metadata},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use rayon::prelude::*;

use super::{Below, Error, Hashed, Result, StatTuple, hash_file_with, links::Tree, what::What};
use crate::digest::Digest;

/// The version of the list.
const FORMAT: &str = "folder 1\n";

/// From this number of entries on, several threads stat them.
const MANY: usize = 512;

/// How symbolic links are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// As the files that they point to. A link to a folder is refused, because it may form a circle.
    Followed,
    /// As entries, which must not lead out of the folder.
    Kept,
}

/// Something below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the folder, with `/` between the names.
    pub path: String,
    /// What it is.
    pub what: What,
    /// Its stat tuple.
    pub stat: StatTuple,
}

/// Everything below a folder, sorted by path.
///
/// # Errors
/// Where it cannot be read, a name is not UTF-8, or something is not a file, a folder or a permitted link.
pub fn walk(root: &Path, links: Links) -> Result<Vec<Entry>> {
    let mut paths = Vec::new();
    names(root, "", &mut paths)?;
    paths.sort_unstable();
    let look = |path: String| look(root, path, links);
    let entries: Vec<Entry> = match paths.len() < MANY {
        true => paths.into_iter().map(look).collect::<Result<_>>(),
        false => paths.into_par_iter().map(look).collect(),
    }?;
    refuse_bad_links(root, &entries)?;
    Ok(entries)
}

fn refuse_bad_links(root: &Path, entries: &[Entry]) -> Result<()> {
    if !entries.iter().any(|entry| matches!(entry.what, What::Link(_))) {
        return Ok(());
    }
    let refused = |path: &str, why| Error::new("take", &root.join(path), io::Error::other(why));
    let mut tree = Tree::default();
    for entry in entries {
        let name = Below::new(entry.path.as_str()).map_err(|bad| refused(&entry.path, bad.why))?;
        tree.add(&name, entry.what.clone()).map_err(|why| refused(&entry.path, why))?;
    }
    tree.bad_link().map_or(Ok(()), |(path, why)| Err(refused(path, why)))
}

/// The stat tuple of a whole folder. It changes whenever that of a file below changes, or a name: the sum of the sizes,
/// the latest times, and instead of the inode 64 bits of a digest of all stat tuples.
///
/// # Errors
/// As [`walk`].
pub fn stat_folder(root: &Path, links: Links) -> Result<StatTuple> {
    walk(root, links).map(|entries| sum(&entries))
}

/// The digest of a folder, with links followed, and its stat tuple while it was read. `read` is called with numbers of
/// bytes from several threads.
///
/// # Errors
/// As [`walk`], or where something is modified meanwhile.
pub fn hash_folder(root: &Path, read: &(dyn Fn(u64) + Sync)) -> Result<Hashed> {
    let entries = walk(root, Links::Followed)?;
    let line = |entry: &Entry| line(root, entry, read);
    let lines: Vec<String> = entries.par_iter().map(line).collect::<Result<_>>()?;
    let stat = sum(&entries);
    if stat_folder(root, Links::Followed)? != stat {
        return Err(Error::changing(root));
    }
    Ok(Hashed { digest: Digest::of((FORMAT.to_owned() + &lines.concat()).as_bytes()), stat })
}

fn line(root: &Path, entry: &Entry, read: &(dyn Fn(u64) + Sync)) -> Result<String> {
    let path = &entry.path;
    Ok(match &entry.what {
        What::Folder => format!("folder {path:?}\n"),
        What::Link(target) => format!("link {path:?} {target:?}\n"),
        What::File { executable } => {
            let digest = hash_file_with(&root.join(path), read)?.digest;
            let word = if *executable { "program" } else { "file" };
            format!("{word} {path:?} {digest}\n")
        }
    })
}

fn sum(entries: &[Entry]) -> StatTuple {
    let mut all = StatTuple { size: 0, mtime_ns: i64::MIN, inode: 0, ctime_ns: i64::MIN };
    let mut text = String::with_capacity(entries.len() * 96);
    for Entry { path, what, stat } in entries {
        let _ = write!(text, "{path:?} {what:?}");
        // The names in a folder already show when its own times would change.
        if *what != What::Folder {
            let _ = write!(text, " {} {} {} {}", stat.size, stat.mtime_ns, stat.inode, stat.ctime_ns);
            all.size += stat.size;
        }
        (all.mtime_ns, all.ctime_ns) = (all.mtime_ns.max(stat.mtime_ns), all.ctime_ns.max(stat.ctime_ns));
        text.push('\n');
    }
    let digest = blake3::hash(text.as_bytes());
    let first = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    StatTuple { inode: u64::from_le_bytes(first), ..all }
}

/// The paths of everything below a folder. The listing says what is a folder, so nothing is statted.
fn names(folder: &Path, below: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::at("list", folder))? {
        let entry = entry.map_err(Error::at("list", folder))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(Error::new("take", &entry.path(), io::Error::other("its name is not UTF-8")));
        };
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if entry.file_type().map_err(Error::at("read", &entry.path()))?.is_dir() {
            names(&entry.path(), &path, found)?;
        }
        found.push(path);
    }
    Ok(())
}

fn look(root: &Path, path: String, links: Links) -> Result<Entry> {
    let full = root.join(&path);
    let at = |cause| Error::new("read", &full, cause);
    let own = full.symlink_metadata().map_err(at)?;
    let (metadata, what) = match (own.is_symlink(), links) {
        (false, _) => (own, None),
        (true, Links::Kept) => (own, Some(link(&full)?)),
        (true, Links::Followed) => match full.metadata().map_err(at)? {
            folder if folder.is_dir() => return Err(at(io::Error::other("it is a link to a folder"))),
            file => (file, None),
        },
    };
    let what = match what {
        Some(link) => link,
        None => what_of(&metadata).ok_or_else(|| at(io::Error::other("it is neither file nor folder")))?,
    };
    Ok(Entry { path, what, stat: StatTuple::from(&metadata) })
}

fn what_of(metadata: &Metadata) -> Option<What> {
    if metadata.is_dir() {
        return Some(What::Folder);
    }
    metadata.is_file().then(|| What::File { executable: metadata.permissions().mode() & 0o100 != 0 })
}

fn link(full: &Path) -> Result<What> {
    let target = fs::read_link(full).map_err(Error::at("read the link", full))?;
    let unnamed = || io::Error::other("it is a link to a name that is not UTF-8");
    let target = target.to_str().ok_or_else(|| Error::new("take", full, unnamed()))?;
    Ok(What::Link(target.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, path::PathBuf, time::Duration};

    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let above = tempfile::tempdir().unwrap();
        let root = above.path().join("folder");
        fs::create_dir(&root).unwrap();
        for (path, text) in files {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
        (above, root)
    }

    fn digest(root: &Path) -> Digest {
        hash_folder(root, &|_| ()).unwrap().digest
    }

    #[test]
    fn what_counts_is_names_contents_and_the_right_to_execute() {
        let files = [("a/x", "one"), ("b", "two"), (".hidden", "")];
        let ((_one, one), (_two, two)) = (folder(&files), folder(&files));
        assert_eq!(digest(&one), digest(&two), "place and time do not count");
        let before = digest(&one);
        let mut seen = vec![before];
        let mut changed = |change: &dyn Fn()| {
            change();
            let now = digest(&one);
            assert!(!seen.contains(&now));
            seen.push(now);
        };
        changed(&|| fs::write(one.join("b"), "three").unwrap());
        changed(&|| fs::rename(one.join("b"), one.join("c\nd")).unwrap());
        changed(&|| fs::create_dir(one.join("empty")).unwrap());
        changed(&|| fs::set_permissions(one.join("a/x"), fs::Permissions::from_mode(0o755)).unwrap());
        changed(&|| fs::remove_file(one.join(".hidden")).unwrap());
    }

    #[test]
    fn the_stat_tuple_shows_every_change_below() {
        let (_above, root) = folder(&[("a/b/x", "one"), ("y", "two")]);
        let mut last = stat_folder(&root, Links::Followed).unwrap();
        assert_eq!((last, last.size), (stat_folder(&root, Links::Followed).unwrap(), 6));
        let mut changed = |change: &dyn Fn()| {
            std::thread::sleep(Duration::from_millis(20));
            change();
            let now = stat_folder(&root, Links::Followed).unwrap();
            assert_ne!(now, last);
            last = now;
        };
        changed(&|| fs::write(root.join("a/b/x"), "eno").unwrap());
        changed(&|| fs::write(root.join("a/new"), "").unwrap());
        changed(&|| fs::rename(root.join("y"), root.join("z")).unwrap());
    }

    #[test]
    fn links_count_as_their_files_or_as_themselves() {
        let (_above, root) = folder(&[("a/x", "one")]);
        symlink("a/x", root.join("y")).unwrap();
        let kept = walk(&root, Links::Kept).unwrap();
        assert_eq!(kept[2].what, What::Link("a/x".to_owned()));
        let followed = walk(&root, Links::Followed).unwrap();
        assert_eq!((&followed[2].what, followed[2].stat.size), (&What::File { executable: false }, 3));
        symlink("../folder/a", root.join("out")).unwrap();
        let told = |links| walk(&root, links).unwrap_err().to_string();
        assert!(told(Links::Kept).ends_with("folder/out: it is a link that leads out of its folder"));
        assert!(told(Links::Followed).ends_with("it is a link to a folder"));
    }

    #[test]
    fn what_no_other_machine_could_list_is_refused_by_name() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let (_above, root) = folder(&[]);
        fs::write(root.join(OsStr::from_bytes(b"\xff")), "").unwrap();
        assert!(walk(&root, Links::Followed).unwrap_err().to_string().contains("is not UTF-8"));
        let (_above, root) = folder(&[]);
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        assert!(walk(&root, Links::Kept).unwrap_err().to_string().contains("neither file nor folder"));
    }

    #[test]
    fn thousands_of_files_are_listed_in_order() {
        let (_above, root) = folder(&[]);
        (0..MANY + 10).for_each(|i| fs::write(root.join(i.to_string()), "x").unwrap());
        let entries = walk(&root, Links::Followed).unwrap();
        assert!(entries.len() == MANY + 10 && entries.is_sorted_by(|a, b| a.path < b.path));
    }
}
