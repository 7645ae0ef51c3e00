//! `pcamflow log`: prints the logs of stages, or follows one.

use std::path::PathBuf;

use clap::Args;

use super::{
    Error, Exit, Outcome, complain, follow,
    results::{ResultArguments, Results, note_if_outdated, with_results},
};
use crate::{engine::plan::results::StageResult, fsx, remote::Wanted, ui};

/// The stage, and whether to follow its log.
#[derive(Debug, Args)]
pub(super) struct LogArguments {
    #[command(flatten)]
    pub(super) result: ResultArguments,
    /// Go on until the stage ends: wait for it if it has not begun, and print what is added to its log
    #[arg(short, long)]
    follow: bool,
}

/// Prints logs: of an unfinished or failed attempt at the current key, otherwise of the latest result.
pub(super) fn log(arguments: &LogArguments) -> Outcome {
    if arguments.result.what.contains('/') {
        return Err(Error::usage("a log belongs to a stage: write `kind.name` without an artifact"));
    }
    if arguments.follow {
        follow::follow(&arguments.result)?;
    }
    with_results(&arguments.result, true, |results| {
        // What was followed is printed already.
        for result in results.all.iter().filter(|_| !arguments.follow) {
            let Some(path) = log_of(results, result)? else { continue };
            let log = fsx::read(&path)?;
            let several = results.all.len() > 1;
            let heading = if several { format!("==> {} <==\n", result.stage) } else { String::new() };
            ui::plain_text(&(heading + &String::from_utf8_lossy(&log)));
        }
        Ok(Exit::Done)
    })
}

/// The log to print; `None`, after a note, if the stage logged nothing.
fn log_of(results: &Results<'_>, result: &StageResult) -> Result<Option<PathBuf>, Error> {
    let stage = &result.stage;
    if let Some(attempt) = &result.attempt {
        complain(&format!("note: {stage}: this is the log of an attempt that failed or is still running"));
        return Ok(Some(attempt.clone()));
    }
    let Some(record) = &result.record else {
        let why = result.outdated.as_deref().unwrap_or_default();
        return Err(Error::failed(format!("`{stage}` has no log yet ({why})")));
    };
    note_if_outdated(result);
    if record.log.is_none() {
        complain(&format!("note: {stage} logged nothing"));
        return Ok(None);
    }
    results.fetch(record.log.iter().map(|log| Wanted::log(stage, *log)).collect())?;
    let path = results.engine.log(record).ok_or_else(|| {
        Error::failed(format!("the log of `{stage}` is not in this store, only its record is"))
    })?;
    Ok(Some(path))
}
