//! Where a stage writes its artifacts, and whether it has written all of them.

use std::path::{Path, PathBuf};

use crate::{
    protocol::Failure,
    stages::{AnyStage, Artifact},
};

/// Where a stage writes an artifact.
pub(in crate::engine) fn path_of(artifact: &Artifact, staging: &Path) -> PathBuf {
    staging.join(artifact.file.trim_end_matches('/'))
}

/// Checks that a stage has written all its artifacts.
pub(in crate::engine) fn check_written(stage: &AnyStage, staging: &Path) -> Result<(), Failure> {
    let is_missing = |artifact: &Artifact| match artifact.file.ends_with('/') {
        true => !path_of(artifact, staging).is_dir(),
        false => !path_of(artifact, staging).is_file(),
    };
    let missing = stage.artifacts().into_iter().find(is_missing);
    missing.map_or(Ok(()), |missing| {
        let file = missing.file;
        Err(Failure::process(format!("the stage ended without writing its artifact {file}")))
    })
}
