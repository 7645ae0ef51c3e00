//! The stages that need no libtorch: computed in a child process of the engine's own binary.
//!
//! One `match` names them all; a new kind without libtorch is one arm here.

use anyhow::{Result, bail};

use crate::{
    protocol::{Outcome, Task},
    serve::Reporter,
    stages::AnyStage,
};

/// Computes one task.
///
/// # Errors
/// What is wrong with the stage's inputs, or with the machine.
pub fn run(task: &Task, _reporter: &dyn Reporter) -> Result<Outcome> {
    match &task.stage {
        AnyStage::Synthesize(_) | AnyStage::Split(_) => bail!("x"),
        AnyStage::Train(_) | AnyStage::Evaluate(_) | AnyStage::Explain(_) => {
            bail!("{} is computed by the worker", task.name)
        }
    }
}
