//! A pipeline with its store, for every command that reads or runs one; and how a refusal is reported.

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
    open_store(&pipeline, store).map(|store| (pipeline, store))
}

/// Opens the store of a pipeline, or says what is wrong.
pub(super) fn open_store(pipeline: &Pipeline, store: Option<&PathBuf>) -> Result<Store, Exit> {
    let folder = store.cloned().unwrap_or_else(|| pipeline.root.join(".pcamflow"));
    Store::open(&folder, store::Options::default()).map_err(|error| {
        complain(&format!("error: {error}"));
        Exit::Environment
    })
}

/// Says why nothing began.
pub(super) fn tell(refused: &Refused) -> Exit {
    for line in refused.to_string().lines() {
        complain(&format!("error: {line}"));
    }
    Exit::from(refused)
}
