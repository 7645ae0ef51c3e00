//! The stages that need no libtorch: computed in a child process of the engine's own binary, so that a
//! crash inside the HDF5 library fails one stage, not the run.
//!
//! One `match` names them all; a new kind without libtorch is one file and one arm here.

mod check;
mod command;
mod outcome;
mod preview;
mod split;
mod synthesize;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

pub use check::check;

use crate::{
    protocol::{Outcome, Task},
    serve::Reporter,
    stages::AnyStage,
};

/// Versions of what computes here, for provenance.
#[must_use]
pub fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([("hdf5".to_owned(), crate::data::h5::version())])
}

/// Computes one task.
///
/// # Errors
/// What is wrong with the stage's inputs, or with the machine.
pub fn run(task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    crate::data::h5::unpack_on(task.resources.threads)?;
    match &task.stage {
        AnyStage::Synthesize(stage) => synthesize::run(stage, task, reporter),
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
