//! Where tests find the real patches and the reference results.
//!
//! They are no part of the repository: a test that needs them skips, saying so, where they are absent.

use std::path::{Path, PathBuf};

/// The path of `relative` below the shared folder (`PCAMFLOW_SHARED`, else `../shared` beside the
/// checkout), or `None`, with a line on standard error, where it does not exist.
#[must_use]
pub fn shared(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PCAMFLOW_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent (set PCAMFLOW_SHARED)", path.display());
    None
}
