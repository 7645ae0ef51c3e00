//! A file that a `fetch` stage downloads, whether the pipeline file describes it or pcamflow knows it. Plain data.

use super::{Checksum, Url};
use crate::stages::{Artifact, ArtifactType, Word};

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The name of the artifact.
    pub artifact: Word,
    /// The name of the artifact's file.
    pub file: Word,
    /// What it contains.
    pub holds: ArtifactType,
    /// The digest of the bytes that are downloaded.
    pub checksum: Checksum,
    /// Whether these are unpacked with gzip.
    pub unpack: bool,
    /// Where it is, the first choice first.
    pub urls: Vec<Url>,
}

impl Wanted {
    /// The name under which it is found in the folder of the source files.
    #[must_use]
    pub fn packed_name(&self) -> String {
        packed(&self.file, self.unpack)
    }

    pub(super) fn as_artifact(&self) -> Artifact {
        Artifact { name: self.artifact.clone(), file: self.file.clone(), holds: self.holds }
    }
}

/// The name of a file before it is unpacked.
pub(super) fn packed(file: &str, unpack: bool) -> String {
    let ending = if unpack { ".gz" } else { "" };
    format!("{file}{ending}")
}
