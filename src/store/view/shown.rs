//! What came of showing artifacts in a folder. Plain data.

use std::path::PathBuf;

/// What showing a folder did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether anything changed.
    pub changed: bool,
    /// Files of others that had a name that ours need: where they are now.
    pub kept: Vec<PathBuf>,
    /// Files that are not shown because their bytes are not in this store.
    pub absent: Vec<String>,
}
