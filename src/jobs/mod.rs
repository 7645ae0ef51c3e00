//! The stages that need no libtorch: computed in a child process of the engine's own binary, so that a
//! crash inside the HDF5 library fails one stage, not the run.
//!
//! One `match` names them all; a new kind without libtorch is one file and one arm here.

mod check;
mod command;
mod preview;
mod split;
mod synthesize;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

pub use check::check;

use crate::{
    protocol::{Number, Outcome, Task},
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

/// What a stage on the CPU says of itself.
fn on_cpu(numbers: impl IntoIterator<Item = (&'static str, u64)>) -> Outcome {
    #[allow(clippy::cast_precision_loss, reason = "counts of patches are far below 2^53")]
    let number = |(name, value): (&str, u64)| Number { name: name.to_owned(), value: value as f64 };
    Outcome { numbers: numbers.into_iter().map(number).collect(), device: "cpu".to_owned(), resumed: None }
}
