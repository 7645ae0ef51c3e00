//! The file of a run record.

use std::path::PathBuf;

/// The file of a run record. Its name contains number and pipeline, so a list reads no file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunFile {
    /// The run's number.
    pub id: u64,
    /// The pipeline's name; a long one is shortened.
    pub pipeline: String,
    /// Where it is.
    pub path: PathBuf,
}

impl RunFile {
    /// Whether it is the record of a run of this pipeline, as far as the shortened name says.
    #[must_use]
    pub fn is_of(&self, pipeline: &str) -> bool {
        self.pipeline == name_of(pipeline)
    }
}

/// The part of a pipeline's name that fits into the name of a file.
pub(super) fn name_of(pipeline: &str) -> &str {
    let end = pipeline.char_indices().map(|(at, _)| at).find(|at| *at >= 150);
    &pipeline[..end.unwrap_or(pipeline.len())]
}
