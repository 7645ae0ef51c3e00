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
        complain(&format!("error: {file} is a file, and artifacts are copied into a folder: name one"));
        return Err(Exit::Usage);
    }
    let several = results.all.len() > 1;
    let targets: Vec<(&Found<'_>, PathBuf)> =
        found.iter().map(|found| (found, target(arguments, found, several))).collect();
    let mut in_the_way = 0;
    for (found, target) in &targets {
        if !arguments.force && is_another(target, found.artifact).map_err(failed)? {
            complain(&format!("error: {} is there already, and is not the same", target.display()));
            in_the_way += 1;
        }
    }
    if in_the_way > 0 {
        complain("nothing was exported: choose another folder, or replace with --force");
        return Err(Exit::Usage);
    }
    for (found, target) in &targets {
        let object = results.engine.object(found.artifact);
        match found.artifact.is_folder() {
            true => unpack(&object, target),
            false => copy(&object, target, arguments.force),
        }
        .map_err(failed)?;
        say(&target.display().to_string());
    }
    Ok(())
}

fn target(arguments: &ExportArguments, found: &Found<'_>, several: bool) -> PathBuf {
    let folder = &arguments.folder;
    let folder = if several { folder.join(&found.result.stage) } else { folder.clone() };
    folder.join(found.artifact.file.trim_end_matches('/'))
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

/// Copies through a passing name in the same folder, so that the file is seen whole or not at all.
pub(super) fn copy(from: &Path, to: &Path, force: bool) -> fsx::Result<()> {
    let folder = fsx::parent(to);
    fsx::create_folder(&folder)?;
    let mut draft = fsx::Draft::create_in(&folder)?;
    let mut source = fsx::open(from)?;
    std::io::copy(&mut source, &mut draft).map_err(fsx::Error::at("write", to))?;
    if force {
        return draft.publish(to, fsx::Durability::Relaxed);
    }
    // What is there already was found to be the same.
    draft.publish_new(to, fsx::Durability::Relaxed).map(drop)
}

/// Unpacks a folder beside its place, and puts it there in one step.
fn unpack(from: &Path, to: &Path) -> fsx::Result<()> {
    let folder = fsx::parent(to);
    fsx::create_folder(&folder)?;
    let new = folder.join(format!(".{}", fsx::unique_name()));
    let moved = fsx::unpack(from, &new).and_then(|()| fsx::replace_folder(&new, to));
    // What stood there before, or what came of a failure.
    fsx::remove_tree(&new)?;
    if let Some(aside) = moved? {
        fsx::remove_tree(&aside)?;
    }
    Ok(())
}

fn failed(error: fsx::Error) -> Exit {
    complain(&format!("error: {error}"));
    Exit::Environment
}
