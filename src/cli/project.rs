//! A pipeline with its store, for every command that reads or runs one; and how a refusal is told.

use std::path::PathBuf;

use super::{Exit, args::PipelineArguments, check::load, complain};
use crate::{
    engine::Refused,
    pipeline::Pipeline,
    store::{self, Store},
};

/// Loads a pipeline and opens its store, or says what is wrong.
pub(super) fn open(
    arguments: &PipelineArguments,
    store: Option<&PathBuf>,
) -> Result<(Pipeline, Store), Exit> {
    let pipeline = load(arguments)?;
    let folder = store.cloned().unwrap_or_else(|| pipeline.root.join(".pcamflow"));
    match Store::open(&folder, store::Options::default()) {
        Ok(store) => Ok((pipeline, store)),
        Err(error) => {
            complain(&format!("error: {error}"));
            Err(Exit::Environment)
        }
    }
}

/// Says why nothing began.
pub(super) fn tell(refused: &Refused) -> Exit {
    for line in refused.to_string().lines() {
        complain(&format!("error: {line}"));
    }
    Exit::from(refused)
}
