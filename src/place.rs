//! Where a process computes: the name of its machine, and whether it sees the folders of the engine.
//!
//! The engine leaves a file with a unique text in the folder for a task's artifacts; the process looks for it there.

use std::path::Path;

use crate::{fsx, protocol::Task};

/// The name of the file. No artifact has it.
const FILE: &str = ".pcamflow-token";
/// The longest text of such a file, in bytes.
const LONGEST: u64 = 1000;

/// This machine's name, for messages and provenance.
#[must_use]
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name under which this process locks keys, as other processes report it.
pub(crate) fn owner() -> String {
    format!("{}:{}", host(), std::process::id())
}

/// Leaves the file in the folder of a task; returns its text.
///
/// # Errors
/// The folder is not writable.
pub(crate) fn leave(staging: &Path) -> fsx::Result<String> {
    let token = fsx::unique_name();
    fsx::write_atomic(&staging.join(FILE), token.as_bytes(), fsx::Durability::Relaxed)?;
    Ok(token)
}

/// Checks that a task's folder and inputs are those of the engine, and takes the file away.
///
/// # Errors
/// What is not there, in words.
pub(crate) fn find(task: &Task) -> Result<(), String> {
    let Some(token) = &task.token else { return Ok(()) };
    let file = task.staging.join(FILE);
    if fsx::read_text(&file, LONGEST).ok().as_ref() != Some(token) {
        return Err(format!("the folder {} of the store", task.staging.display()));
    }
    let is_gone = fsx::remove_file(&file);
    is_gone
        .map_err(|error| format!("a writable folder {} of the store ({error})", task.staging.display()))?;
    let missing = task.inputs.values().find(|input| !input.path.exists());
    missing.map_or(Ok(()), |input| Err(format!("{} ({})", input.name, input.path.display())))
}
