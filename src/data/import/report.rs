//! What an import found, for `import.json`.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::fsx::{self, Durability};

/// The numbers of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImportReport {
    /// How many patches there are.
    pub patches: u64,
    /// Rows and columns of each.
    pub side: u64,
    /// Patches of class 0.
    pub class_0: u64,
    /// Patches of class 1.
    pub class_1: u64,
    /// Slides or patients; null if they are unknown.
    pub groups: Option<u64>,
    /// Patches that are identical to one before them, pixel for pixel.
    pub duplicates: u64,
    /// Patches that are identical to one before them of the other class.
    pub contradictions: u64,
    /// Pictures that were left out.
    pub dropped: Vec<Dropped>,
    /// Files that are no pictures.
    pub other_files: u64,
    /// Lines of the table without a picture; null without a table.
    pub lines_without_picture: Option<u64>,
    /// What people should know, in sentences; not part of the file.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// A picture that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Its path.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ImportReport {
    /// Writes it as JSON.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        Ok(fsx::write_atomic(path, &bytes, Durability::Relaxed)?)
    }
}
