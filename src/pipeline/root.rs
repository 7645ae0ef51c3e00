//! The folders of a project: the one with `.pcamflow` and `out`, and that of the source files.
//!
//! The project's folder determines where everything is read and written, so it must belong to the user, like a git
//! repository (`safe.directory`).

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A folder with one of these is that of a project.
const MARKS: [&str; 2] = [".pcamflow", ".git"];

/// The variable with the folders of other users that are trusted, separated by colons; `*` trusts all.
const SAFE: &str = "PCAMFLOW_SAFE_DIRECTORY";

/// The folder of a project that belongs to another user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the project's folder would be {}, but {} belongs to another user (uid {owner})",
    .folder.display(),
    .path.display()
)]
pub struct Foreign {
    folder: PathBuf,
    path: PathBuf,
    owner: u32,
}

impl Foreign {
    /// Advice.
    #[must_use]
    pub fn help(&self) -> String {
        format!(
            "if you trust it, set {SAFE}={}; otherwise work in your own folder: an empty folder `.pcamflow` beside \
             the pipeline makes that folder the project",
            self.folder.display()
        )
    }
}

/// The nearest folder, at or above the pipeline file, with `.pcamflow` or `.git`; else the current folder.
///
/// # Errors
/// That folder, or one of these in it, belongs to another user.
pub fn project_root(file: &Path) -> Result<PathBuf, Foreign> {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match absolute.ancestors().skip(1).find(|folder| mark(folder).is_some()) {
        Some(folder) => trusted(folder).map(Path::to_owned),
        None => Ok(std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))),
    }
}

/// Why a folder is that of a project; `None` if it is not.
#[must_use]
pub fn mark(folder: &Path) -> Option<&'static str> {
    MARKS.into_iter().find(|name| folder.join(name).exists())
}

fn trusted(folder: &Path) -> Result<&Path, Foreign> {
    let marks = MARKS.map(|name| folder.join(name));
    let foreign = |path: &Path, also: &[u32]| {
        let owner = path.symlink_metadata().ok()?.uid();
        let is_ours = is_mine(owner) || also.contains(&owner);
        (!is_ours).then(|| Foreign { folder: folder.to_owned(), path: path.to_owned(), owner })
    };
    // A folder of root, such as /tmp, is no additional danger.
    let found = marks.iter().find_map(|path| foreign(path, &[])).or_else(|| foreign(folder, &[0]));
    match found {
        Some(foreign) if !is_excepted(folder) => Err(foreign),
        _ => Ok(folder),
    }
}

/// Whether a user is the current one; for root, also the user who called `sudo`.
fn is_mine(owner: u32) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let before_sudo = || std::env::var("SUDO_UID").ok()?.parse().ok();
    owner == me || (me == 0 && before_sudo() == Some(owner))
}

fn is_excepted(folder: &Path) -> bool {
    let excepted = std::env::var_os(SAFE).unwrap_or_default();
    let is_it = |entry: PathBuf| {
        entry.as_os_str() == "*"
            || (entry.exists() && entry.canonicalize().ok() == folder.canonicalize().ok())
    };
    std::env::split_paths(&excepted).any(is_it)
}

/// The folder of the source files: from the command line, the environment or the file, else `data`.
#[must_use]
pub fn default_data(root: &Path, option: Option<&Path>, file: Option<&str>) -> PathBuf {
    if let Some(folder) = option {
        return std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    }
    match std::env::var_os("PCAMFLOW_DATA") {
        Some(folder) if !folder.is_empty() => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
        _ => root.join(file.unwrap_or("data")),
    }
}
