//! `pcamflow log`: prints the log of a stage.

use std::path::PathBuf;

use super::{
    Exit, complain,
    results::{ResultArguments, Results, tell_if_older, with_results},
};
use crate::{engine::plan::results::StageResult, fsx, ui};

/// Writes the logs of stages to standard output: of an attempt at the present key that did not end well, else
/// of the latest result.
pub(super) fn log(arguments: &ResultArguments) -> Exit {
    if arguments.what.contains('/') {
        complain("error: a log belongs to a stage: write `kind.name` without an artifact");
        return Exit::Usage;
    }
    with_results(arguments, true, |results| {
        let several = results.all.len() > 1;
        let told = results.all.iter().try_for_each(|result| one(results, result, several));
        told.err().unwrap_or(Exit::Done)
    })
}

fn one(results: &Results<'_>, result: &StageResult, several: bool) -> Result<(), Exit> {
    let Some(path) = found(results, result)? else { return Ok(()) };
    let bytes = fsx::read(&path).map_err(|error| {
        complain(&format!("error: {error}"));
        Exit::Environment
    })?;
    let heading = if several { format!("==> {} <==\n", result.stage) } else { String::new() };
    ui::plain_text(&(heading + &String::from_utf8_lossy(&bytes)));
    Ok(())
}

/// The log that tells most; `None`, said so, where the stage logged nothing.
fn found(results: &Results<'_>, result: &StageResult) -> Result<Option<PathBuf>, Exit> {
    let stage = &result.stage;
    if let Some(attempt) = &result.attempt {
        complain(&format!("note: {stage}: this log is of an attempt that failed or is still running"));
        return Ok(Some(attempt.clone()));
    }
    let Some(record) = &result.record else {
        let why = result.outdated.as_deref().unwrap_or_default();
        complain(&format!("error: `{stage}` has no log yet ({why})"));
        return Err(Exit::Failed);
    };
    tell_if_older(result);
    match (record.log, results.engine.log(record)) {
        (None, _) => {
            complain(&format!("note: {stage} logged nothing"));
            Ok(None)
        }
        (Some(_), None) => {
            complain(&format!("error: the log of `{stage}` is not in this store, only its record is"));
            Err(Exit::Failed)
        }
        (Some(_), path) => Ok(path),
    }
}
