//! The file of a run record: its name says whose it is.

use std::path::PathBuf;

/// The file of one run record. Its name says whose it is, so that a list reads none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunFile {
    /// The run's number.
    pub id: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// Where it is.
    pub path: PathBuf,
}

impl RunFile {
    /// Whether it is the record of a run of a pipeline, as far as its name says: long ones are cut.
    #[must_use]
    pub fn is_of(&self, pipeline: &str) -> bool {
        self.pipeline == name_of(pipeline)
    }
}

/// What of a pipeline's name stands in the name of a file, which may be long, but not that long.
pub(super) fn name_of(pipeline: &str) -> &str {
    let end = pipeline.char_indices().map(|(at, _)| at).find(|at| *at >= 150);
    &pipeline[..end.unwrap_or(pipeline.len())]
}
