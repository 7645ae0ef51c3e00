//! `pcamflow __job`: computes the stage of a job on a cluster. The engine puts it into the job's script.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use clap::Args;

use super::{Error, Exit, Outcome, signals::stop_on_signals, worker::programs};
use crate::engine::batch;

/// The job.
#[derive(Debug, Args)]
pub(super) struct JobArguments {
    /// Its folder in the store
    folder: PathBuf,
}

/// Computes it. A stage that failed has exit code 1, and so has a job that was stopped.
pub(super) fn job(arguments: &JobArguments) -> Outcome {
    let stopped = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stopped);
    let made = batch::compute(&arguments.folder, programs(), &stopped).map_err(Error::environment)?;
    Ok(if made { Exit::Done } else { Exit::Failed })
}
