//! The jobs of one run: Slurm's queue, and what the command says about jobs.

use std::time::Instant;

use crate::{engine::plan::batch_options::BatchOptions, slurm::Queue};

/// The jobs of one run.
#[derive(Debug)]
pub(in crate::engine) struct Batch {
    pub(in crate::engine) queue: Queue,
    pub(in crate::engine) options: BatchOptions,
    /// When the run began.
    pub(super) began: Instant,
}

impl Batch {
    /// No jobs yet. Asks nothing.
    pub(in crate::engine) fn new(options: BatchOptions) -> Self {
        Self { queue: Queue::default(), options, began: Instant::now() }
    }
}
