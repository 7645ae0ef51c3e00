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

/// Whether the summary can be written, as far as that shows beforehand: else that is said, before anything runs.
pub(super) fn is_writable(file: Option<&Path>) -> Result<(), Exit> {
    file.map_or(Ok(()), fsx::is_writable).map_err(|error| {
        complain(&format!("error: the summary cannot be written: {error}"));
        Exit::Environment
    })
}

/// Lets something run before a listener, and writes what there is to say of it: into `file`, in place of
/// what stood there, and behind what stands in the file that GitHub Actions names. What cannot be written is
/// warned of: the run counts for more.
pub(super) fn with_page<T>(
    file: Option<&Path>,
    mut listener: Box<dyn Observer>,
    run: impl FnOnce(&mut dyn Observer) -> T,
) -> T {
    let step = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from);
    if file.is_none() && step.is_none() {
        return run(&mut *listener);
    }
    let mut page = Markdown::new(listener);
    let done = run(&mut page);
    if let Some(text) = page.text() {
        let written = file.map(|file| fsx::write_atomic(file, text.as_bytes(), Durability::Relaxed));
        let added = step.map(|step| fsx::append_to(&step, format!("{text}\n").as_bytes()));
        for error in [written, added].into_iter().flatten().filter_map(Result::err) {
            complain(&format!("warning: the summary is not written: {error}"));
        }
    }
    done
}
