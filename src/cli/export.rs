//! `pcamflow export`: copies artifacts out of the store.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Error, Exit, Outcome, complain,
    results::{Found, ResultArguments, Results, with_results},
    say,
};
use crate::{fsx, store::StoredArtifact};

/// What to export, and the target folder.
#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// The stage or artifact.
    #[command(flatten)]
    result: ResultArguments,
    /// The folder to copy to; created if needed. With several stages, each gets its own folder in it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace existing files that differ
    #[arg(long)]
    force: bool,
}

/// Copies artifacts into a folder. Each is copied as a whole, and none if one would replace another file.
pub(super) fn export(arguments: &ExportArguments) -> Outcome {
    with_results(&arguments.result, false, |results| copy(arguments, results))
}

fn copy(arguments: &ExportArguments, results: &Results<'_>) -> Outcome {
    let folder = &arguments.folder;
    let found = results.artifacts()?;
    if fsx::stat(folder)?.is_some() && !folder.is_dir() {
        let file = folder.display();
        return Err(Error::usage(format!("{file} is a file: name a folder to copy the artifacts into")));
    }
    let target = |found: &Found<'_>| match results.all.len() {
        0 | 1 => found.artifact.file.under(folder),
        _ => found.artifact.file.under(&folder.join(&found.result.stage)),
    };
    let mut conflicts = 0;
    for found in found.iter().filter(|_| !arguments.force) {
        if differs(&target(found), found.artifact)? {
            complain(&format!("error: {} already exists with other contents", target(found).display()));
            conflicts += 1;
        }
    }
    if conflicts > 0 {
        complain("nothing was exported: choose another folder, or replace with --force");
        return Ok(Exit::Usage);
    }
    for found in &found {
        let target = target(found);
        results.engine.store().materialise(found.artifact, &target, arguments.force)?;
        say(&target.display().to_string());
    }
    Ok(Exit::Done)
}

/// Whether the target exists with other contents.
fn differs(target: &Path, artifact: &StoredArtifact) -> fsx::Result<bool> {
    let digest = artifact.digest;
    match fsx::stat_link(target)? {
        None => Ok(false),
        Some(_) if artifact.is_folder() => {
            Ok(!target.is_dir() || fsx::packed_digest(target).map_or(true, |packed| packed != digest))
        }
        Some(_) if !target.is_file() => Ok(true),
        Some(_) => Ok(fsx::hash_file(target)?.digest != digest),
    }
}
