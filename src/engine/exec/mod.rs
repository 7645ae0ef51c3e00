//! How a stage is computed: by a process, or, in tests, by a script.
//!
//! An executor computes one task at a time per caller and blocks meanwhile; the engine calls it from
//! one thread per running stage. Adding a back end is one file with one `impl`.

pub mod fake;
mod kill;
mod memory;
mod oom;
mod probe;
mod process;
mod processes;
mod watcher;

pub use probe::Probe;
pub use processes::{Processes, Programs};

use crate::{
    protocol::{Failure, Level, Outcome, Progress, Task},
    stages::Runner,
};

/// What an executor tells while a task is computed.
pub trait Listener: Sync {
    /// The task goes on.
    fn progress(&self, progress: Progress);
    /// A line for the stage's log.
    fn log(&self, level: Level, text: &str);
}

/// What a finished task left, beside the files in its staging folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Computed {
    /// What the task says of itself.
    pub outcome: Outcome,
    /// Versions of what computed it.
    pub versions: std::collections::BTreeMap<String, String>,
    /// The most memory that its processes held at once, in bytes, where that is known.
    pub peak_memory: Option<u64>,
}

/// What a failure of a lost process ends with, for those who do not try again.
pub(super) const GO_ON: &str = "; finished epochs and other stages are kept: run again to go on";

/// Computes stages.
pub trait Executor: Sync {
    /// Computes one task; blocks until it is done.
    ///
    /// # Errors
    /// The stage's own failure, the loss of the process that computed it, or that it took longer than
    /// `task.resources.timeout`.
    fn run(&self, runner: Runner, task: &Task, listener: &dyn Listener) -> Result<Computed, Failure>;

    /// Ends everything that computes, at once: `run` returns, and starts nothing more.
    fn cancel(&self);
}
