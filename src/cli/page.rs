//! Writes the summary of a run as Markdown: to a file, and to the page of a GitHub Actions job.

use std::path::{Path, PathBuf};

use super::{Error, Exit, Outcome, complain};
use crate::{
    engine::tell::event::Observer,
    fsx::{self, Durability},
    ui::Markdown,
};

/// The variable with which GitHub Actions names the file of a step's summary.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Checks before a run, as far as possible, that the summary can be written.
pub(super) fn check_writable(file: Option<&Path>) -> Result<(), Error> {
    let checked = file.map_or(Ok(()), fsx::is_writable);
    checked.map_err(|error| Error::environment(format!("the summary cannot be written: {error}")))
}

/// Runs a pipeline, writes its summary into `file` and appends it to the page of GitHub Actions. An error in the
/// former fails the command, one in the latter is a warning.
pub(super) fn with_page(
    file: Option<&Path>,
    mut listener: Box<dyn Observer>,
    run: impl FnOnce(&mut dyn Observer) -> Outcome,
) -> Outcome {
    let step = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from);
    if file.is_none() && step.is_none() {
        return run(&mut *listener);
    }
    let mut page = Markdown::new(listener);
    let exit = run(&mut page)?;
    let Some(text) = page.text() else { return Ok(exit) };
    if let Some(Err(error)) = step.map(|step| fsx::append_to(&step, format!("{text}\n").as_bytes())) {
        complain(&format!("warning: the summary of the job was not written: {error}"));
    }
    match file.map(|file| fsx::write_atomic(file, text.as_bytes(), Durability::Relaxed)) {
        Some(Err(error)) => {
            complain(&format!("error: the summary was not written: {error}"));
            Ok(if exit.code() == 0 { Exit::Environment } else { exit })
        }
        Some(Ok(())) | None => Ok(exit),
    }
}
