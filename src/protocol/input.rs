//! A file that a stage reads. Plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A file that a stage reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What people call it: the path as written, or `split.pcam/test`. That of a folder ends with a slash;
    /// an artifact that is a folder lies packed (`fsx::unpack`).
    pub name: String,
}
