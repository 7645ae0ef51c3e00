//! The executors by name.

use super::{Executor, Processes, Programs};
use crate::stages::ExecutorChoice;

/// The executor that `run.executor` names.
#[must_use]
pub fn executor(choice: ExecutorChoice, programs: Programs, offline: bool) -> Box<dyn Executor> {
    match choice {
        ExecutorChoice::Local => Box::new(Processes::new(programs, offline)),
    }
}
