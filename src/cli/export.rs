//! `pcamflow export`: copies artifacts out of the store.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Exit, complain,
    results::{Found, ResultArguments, Results, with_results},
    say,
};
use crate::{fsx, store::StoredArtifact};

/// What to export, and where to.
#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// What.
    #[command(flatten)]
    pub(super) result: ResultArguments,
    /// The folder to copy to; created if needed. With several stages, each gets its own folder in it
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    /// Replace existing files that differ
    #[arg(long)]
    pub(super) force: bool,
}

/// Copies artifacts into a folder: each whole or not at all, and none if one would replace another file.
pub(super) fn export(arguments: &ExportArguments) -> Exit {
    with_results(&arguments.result, false, |results| copies(arguments, results).err().unwrap_or(Exit::Done))
}

fn copies(arguments: &ExportArguments, results: &Results<'_>) -> Result<(), Exit> {
    let found = results.artifacts()?;
    found.iter().try_for_each(|found| results.is_here(found))?;
    if fsx::stat(&arguments.folder).map_err(failed)?.is_some() && !arguments.folder.is_dir() {
        let file = arguments.folder.display();
        complain(&format!("error: {file} is a file: name a folder to copy the artifacts into"));
        return Err(Exit::Usage);
    }
    let several = results.all.len() > 1;
    let targets: Vec<(&Found<'_>, PathBuf)> =
        found.iter().map(|found| (found, target(arguments, found, several))).collect();
    let mut in_the_way = 0;
    for (found, target) in &targets {
        if !arguments.force && is_another(target, found.artifact).map_err(failed)? {
            complain(&format!("error: {} already exists with other contents", target.display()));
            in_the_way += 1;
        }
    }
    if in_the_way > 0 {
        complain("nothing was exported: choose another folder, or replace with --force");
        return Err(Exit::Usage);
    }
    for (found, target) in &targets {
        results.engine.store().materialise(found.artifact, target, arguments.force).map_err(failed)?;
        say(&target.display().to_string());
    }
    Ok(())
}

fn target(arguments: &ExportArguments, found: &Found<'_>, several: bool) -> PathBuf {
    let folder = &arguments.folder;
    let folder = if several { folder.join(&found.result.stage) } else { folder.clone() };
    found.artifact.file.under(&folder)
}

/// Whether something else than this content has that name.
fn is_another(target: &Path, artifact: &StoredArtifact) -> fsx::Result<bool> {
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

fn failed(error: impl std::fmt::Display) -> Exit {
    complain(&format!("error: {error}"));
    Exit::Environment
}
