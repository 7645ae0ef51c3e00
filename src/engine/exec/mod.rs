//! How a stage is computed: by a process, or, in tests, by a script.
//!
//! An executor computes one task at a time per caller and blocks meanwhile; the engine calls it from
//! one thread per running stage. A new executor is one file with one `impl`, a word in
//! [`crate::stages::ExecutorChoice`] and an arm in [`executor`].

mod capacity;
mod choice;
pub mod fake;
mod kill;
mod memory;
mod oom;
mod probe;
mod process;
mod processes;
mod talk;
mod watcher;

pub use capacity::Capacity;
pub use choice::executor;
pub use memory::of_this_machine as memory_of_this_machine;
pub use probe::Probe;
pub use processes::{Processes, Programs};

use crate::{
    protocol::{Answer, Failure, Level, Outcome, Progress, Question, Task},
    stages::Runner,
};

/// The name under which [`Executor::check`] can be cancelled. No stage has such a name.
pub const SOURCES: &str = "source files";

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
    /// How much it can compute at once.
    fn capacity(&self) -> Capacity;

    /// Computes one task; blocks until it is done.
    ///
    /// # Errors
    /// The stage's own failure, the loss of the process that computed it, or that it took longer than
    /// `task.resources.timeout`.
    fn run(&self, runner: Runner, task: &Task, listener: &dyn Listener) -> Result<Computed, Failure>;

    /// Answers questions about source files, in their order; blocks until that is done. It can be cancelled like
    /// a task with the name [`SOURCES`].
    ///
    /// # Errors
    /// The process that opens the files cannot be started, or is lost.
    fn check(&self, runner: Runner, questions: Vec<Question>) -> Result<Vec<Answer>, Failure>;

    /// Ends the task of that name, if it is being computed: its `run` returns a failure.
    fn cancel(&self, task: &str);
}
