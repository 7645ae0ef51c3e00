//! The summary of a run in Markdown: into a file, and onto the page of a job of GitHub Actions.

use std::path::{Path, PathBuf};

use super::{Exit, complain};
use crate::{
    engine::tell::event::Observer,
    fsx::{self, Durability},
    ui::Markdown,
};

/// The variable with which GitHub Actions names the file of a step's summary.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Checks before the run, as far as that is possible, that the summary can be written.
pub(super) fn is_writable(file: Option<&Path>) -> Result<(), Exit> {
    file.map_or(Ok(()), fsx::is_writable).map_err(|error| {
        complain(&format!("error: the summary cannot be written: {error}"));
        Exit::Environment
    })
}

/// Runs something, and writes its summary: into `file`, in place of what was there, and at the end of the file
/// that GitHub Actions names. Returns the exit code of the run. If `file`, which was asked for, cannot be
/// written, that is an error; the page of GitHub Actions is only worth a warning.
pub(super) fn with_page<E>(
    file: Option<&Path>,
    mut listener: Box<dyn Observer>,
    run: impl FnOnce(&mut dyn Observer) -> Result<u8, E>,
) -> Result<u8, E> {
    let step = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from);
    if file.is_none() && step.is_none() {
        return run(&mut *listener);
    }
    let mut page = Markdown::new(listener);
    let code = run(&mut page)?;
    let Some(text) = page.text() else { return Ok(code) };
    if let Some(Err(error)) = step.map(|step| fsx::append_to(&step, format!("{text}\n").as_bytes())) {
        complain(&format!("warning: the summary of the job was not written: {error}"));
    }
    match file.map(|file| fsx::write_atomic(file, text.as_bytes(), Durability::Relaxed)) {
        Some(Err(error)) => {
            complain(&format!("error: the summary was not written: {error}"));
            Ok(if code == Exit::Done.code() { Exit::Environment.code() } else { code })
        }
        Some(Ok(())) | None => Ok(code),
    }
}
