//! The folders of a project: where `.pcamflow`, `out` and `data` are.

use std::path::{Path, PathBuf};

/// The nearest folder at or above the pipeline file that holds `.pcamflow` or `.git`, else the
/// current folder.
#[must_use]
pub fn project_root(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let marked = |folder: &&Path| folder.join(".pcamflow").exists() || folder.join(".git").exists();
    match absolute.ancestors().skip(1).find(marked) {
        Some(folder) => folder.to_owned(),
        None => std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
    }
}

/// The folder of the source files: the command line's, the environment's, the file's, `data`.
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
