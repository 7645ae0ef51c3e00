//! How a stage is computed: by a process, or by a script in tests.
//!
//! The engine calls an executor from one thread per running stage, and each call blocks until its task is done.
//! A new executor needs a file with an `impl`, a word in [`crate::stages::ExecutorChoice`] and an arm in
//! [`executor`].

mod capacity;
mod choice;
pub mod fake;
mod launched;
mod libtorch;
mod memory;
mod oom;
mod probe;
mod process;
mod processes;
mod talk;
mod variables;
mod watcher;

pub use capacity::Capacity;
pub use choice::executor;
pub use memory::of_this_machine as memory_of_this_machine;
pub use probe::Probe;
pub use processes::{Processes, Programs};

use crate::{
    protocol::{Answer, EpochEnd, Failure, Level, Outcome, Progress, Question, Task},
    stages::Runner,
};

/// The name by which [`Executor::check`] can be cancelled. No stage can have it.
pub const SOURCES: &str = "source files";

/// Hears of a task while it is computed.
pub trait Listener {
    /// The task has made progress.
    fn progress(&self, progress: Progress);
    /// An epoch of a training has ended.
    fn epoch(&self, epoch: EpochEnd, losses: Vec<f32>);
    /// A line for the stage's log.
    fn log(&self, level: Level, text: &str);
}

/// What a finished task returns, besides the files in its staging folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Computed {
    /// What the task says of itself.
    pub outcome: Outcome,
    /// Versions of what computed it.
    pub versions: std::collections::BTreeMap<String, String>,
    /// The machine that computed it, if that is not this one.
    pub host: Option<String>,
    /// The most memory that its processes used at once, in bytes, if known.
    pub peak_memory: Option<u64>,
}

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
    /// a task named [`SOURCES`].
    ///
    /// # Errors
    /// The process that opens the files cannot be started, or is lost.
    fn check(&self, runner: Runner, questions: Vec<Question>) -> Result<Vec<Answer>, Failure>;

    /// Ends the task with this name if it is being computed; its `run` then returns a failure.
    fn cancel(&self, task: &str);
}
