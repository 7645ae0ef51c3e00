//! The folder of a path.

use std::path::{Path, PathBuf};

/// The folder of a path; that of a bare name is the current one.
pub(crate) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
