//! Artifacts that are made in memory and written whole.

use anyhow::Result;
use pcamflow::fsx::{self, Durability};

use super::Job;

impl Job<'_> {
    /// Writes an artifact under its declared file name.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        Ok(fsx::write_atomic(&self.artifact(file), bytes, Durability::Relaxed)?)
    }
}
