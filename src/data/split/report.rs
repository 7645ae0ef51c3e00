//! `split.json`: what a split did.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Duplicates, Parts, positives};

/// What a split did. The same split gives the same text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SplitReport {
    /// How rows were drawn.
    pub algorithm: Algorithm,
    /// The seed.
    pub seed: u64,
    /// The source.
    pub source: ClassCounts,
    /// The parts.
    pub parts: Parts<PartReport>,
    /// Patches that are identical pixel for pixel.
    pub duplicates: Duplicates,
    /// With `group-by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupReport>,
    /// Warnings, for the log. Not in the file.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// How rows are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Stratified to within one patch per class. With `group-by`, whole groups.
    Pcamflow,
    /// The same indices as `train_test_split` of scikit-learn.
    ScikitLearn,
}

/// Patches per class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClassCounts {
    /// All patches.
    pub patches: u64,
    /// Patches with label 0.
    pub class_0: u64,
    /// Patches with label 1.
    pub class_1: u64,
    /// The share of class 1.
    pub class_1_share: f64,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartReport {
    /// The requested number of patches.
    pub asked: u64,
    /// What it has.
    #[serde(flatten)]
    pub got: ClassCounts,
    /// SHA-256 of its source rows (dataset `row`) as little-endian int64.
    pub rows_sha256: String,
}

/// What `group-by` did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupReport {
    /// The column of the meta table.
    pub column: String,
    /// How far a part may be off, as a share of its size.
    pub tolerance: f64,
    /// How far the worst part is off.
    pub furthest: f64,
    /// Groups in the source.
    pub groups: usize,
    /// Groups in each part.
    pub parts: Parts<usize>,
}

impl ClassCounts {
    pub(super) fn of(labels: &[u8]) -> Self {
        let (patches, class_1) = (labels.len() as u64, positives(labels));
        Self { patches, class_0: patches - class_1, class_1, class_1_share: class_1 as f64 / patches as f64 }
    }
}

impl PartReport {
    pub(super) fn of(asked: u64, labels: &[u8], rows: &[i64]) -> Self {
        let mut hash = Sha256::new();
        rows.iter().for_each(|row| hash.update(row.to_le_bytes()));
        let rows_sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { asked, got: ClassCounts::of(labels), rows_sha256 }
    }
}

impl SplitReport {
    /// Writes the report.
    ///
    /// # Errors
    /// A path that cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).context("the report of a split")?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}
