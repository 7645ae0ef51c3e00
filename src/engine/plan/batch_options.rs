//! What a command says about the jobs of its run. Plain data.

use std::sync::{Arc, atomic::AtomicBool};

/// How the jobs of a run are made.
#[derive(Debug, Clone, Default)]
pub struct BatchOptions {
    /// The words of the program that a job runs, before the job's folder.
    pub program: Vec<String>,
    /// Whether the run ends as soon as only jobs are left to wait for.
    pub detach: bool,
    /// Whether the programs of stages are kept off the network.
    pub offline: bool,
    /// If it is set when the run is stopped, the jobs go on.
    pub leave: Arc<AtomicBool>,
}
