//! The stages that need no libtorch. They are computed in a child process of the engine, so that a crash of the HDF5
//! library fails one stage, not the run.
//!
//! A new kind without libtorch is one file and one arm in `run`.

mod check;
mod command;
mod fetch;
mod import;
mod offline;
mod outcome;
mod preview;
mod split;
mod synthesize;
mod unpack;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

pub use check::check;

use crate::{
    protocol::{Outcome, Task},
    serve::Reporter,
    stages::AnyStage,
};

/// Versions of the libraries that compute here, for the record of a result.
#[must_use]
pub fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([("hdf5".to_owned(), crate::data::h5::version())])
}

/// Computes one task.
///
/// # Errors
/// The inputs of the stage are invalid, or the machine fails.
pub fn run(task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    crate::data::h5::unpack_on(task.resources.threads)?;
    match &task.stage {
        AnyStage::Synthesize(stage) => synthesize::run(stage, task, reporter),
        AnyStage::Fetch(stage) => fetch::run(stage, task, reporter),
        AnyStage::Unpack(stage) => unpack::run(stage, task, reporter),
        AnyStage::Import(stage) => import::run(stage, task, reporter),
        AnyStage::Split(stage) => split::run(stage, task, reporter),
        AnyStage::Preview(stage) => preview::run(stage, task, reporter),
        AnyStage::Command(stage) => command::run(stage, task, reporter),
        AnyStage::Train(_)
        | AnyStage::ResumeTrain(_)
        | AnyStage::Evaluate(_)
        | AnyStage::Explain(_)
        | AnyStage::Metrics(_)
        | AnyStage::Sanity(_) => {
            bail!("{} needs libtorch: the worker computes it", task.name)
        }
    }
}
