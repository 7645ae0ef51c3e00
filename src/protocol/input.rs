//! A file that a stage reads. Plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A file that a stage reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name for people: the path as written, or `split.pcam/test`. The name of a folder ends with a slash;
    /// a folder that is an artifact is packed (`fsx::unpack`).
    pub name: String,
}
