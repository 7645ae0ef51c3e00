//! Computes `fetch`: finds each file in the folder of the source files, in what earlier attempts have left, or on the
//! web. What counts is its digest.

#[cfg(feature = "remote")]
mod download;
mod hasher;
#[cfg(feature = "remote")]
mod http;
mod intake;
mod missing;
#[cfg(not(feature = "remote"))]
mod none;
#[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "nothing is downloaded"))]
mod partial;
#[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "nothing is downloaded"))]
mod progress;

use std::path::Path;

use anyhow::{Context as _, Result};

use super::outcome::on_cpu;
use crate::{
    protocol::{Outcome, Task},
    serve::{EnvironmentFault, Reporter},
    stages::fetch::{Fetch, Wanted},
};
#[cfg(feature = "remote")]
use download::download;
use intake::Intake;
pub(super) use missing::check;
#[cfg(not(feature = "remote"))]
use none::download;
use partial::Partial;
use progress::At;

pub(super) fn run(stage: &Fetch, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let wanted = stage.wanted();
    let data = task.data.as_deref().context("the task has no folder of source files")?;
    let mut resumed = Vec::new();
    for (place, file) in wanted.iter().enumerate() {
        let name = format!("{} ({} of {})", file.artifact, place + 1, wanted.len());
        resumed.extend(fetch(file, task, data, &At { reporter, file: name })?);
    }
    let resumed = (!resumed.is_empty()).then(|| resumed.join(", "));
    Ok(Outcome { resumed, ..on_cpu([("files", wanted.len() as u64)]) })
}

/// Fetches a file. Returns where its download went on.
fn fetch(wanted: &Wanted, task: &Task, data: &Path, at: &At<'_>) -> Result<Option<String>> {
    if is_in_the_data_folder(wanted, data, &task.staging, at)? {
        return Ok(None);
    }
    let mut partial = Partial::begin(wanted, task, &|done| at.read(done, 0))?;
    let there = partial.size();
    let went_on = (there > 0).then(|| format!("{there} bytes of {}", wanted.packed_name()));
    if there > 0 && partial.is_right()? {
        return Ok(went_on);
    }
    if let Some(refusal) = missing::refusal(&[wanted], data) {
        return Err(EnvironmentFault(refusal).into());
    }
    download(wanted, partial, at)?;
    Ok(went_on)
}

/// Takes the file from the folder of the source files, if it is there and has the digest.
fn is_in_the_data_folder(wanted: &Wanted, data: &Path, staging: &Path, at: &At<'_>) -> Result<bool> {
    let path = data.join(wanted.packed_name());
    let Some(stat) = crate::fsx::stat(&path)?.filter(|_| path.is_file()) else { return Ok(false) };
    let mut intake = Intake::begin(wanted, staging)?;
    intake.take_file(&path, &|done| at.read(done, stat.size))?;
    let is_right = intake.is_right()?;
    let shown = path.display();
    match is_right {
        true => at.reporter.info(&format!("{shown} is used: nothing is downloaded")),
        false => at.reporter.warn(&format!(
            "{shown} is another file: its digest is {}, expected {}; it is not used",
            intake.digest(),
            wanted.checksum
        )),
    }
    Ok(is_right)
}
