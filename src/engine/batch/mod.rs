//! Stages as jobs of Slurm: the engine submits a job, or finds the one that a former run has submitted, and waits.
//!
//! The job computes and publishes the result itself, with the code of local stages, and so does not need the engine.
//! Both sides meet in the job's folder in the store. Slurm's queue says which job belongs to a key, and how it was lost
//! if it could not say so itself.

mod ear;
mod events;
mod folder;
mod follow;
mod job;
pub mod now;
mod submit;

use std::time::Instant;

use crate::{
    engine::{
        plan::batch_options::BatchOptions,
        tell::job::{JobPhase, JobState},
    },
    slurm::{Job, Phase, Queue},
};

pub(in crate::engine) use ear::Ear;
pub(in crate::engine) use follow::Outcome;
pub use job::{compute, compute_with};

/// The jobs of one run.
#[derive(Debug)]
pub(in crate::engine) struct Batch {
    pub(in crate::engine) queue: Queue,
    pub(in crate::engine) options: BatchOptions,
    /// When the run began.
    began: Instant,
}

impl Batch {
    /// No jobs yet. Asks nothing.
    pub(in crate::engine) fn new(options: BatchOptions) -> Self {
        Self { queue: Queue::default(), options, began: Instant::now() }
    }
}

/// What people are told of a job; `None` if it has ended.
pub(in crate::engine) fn state_of(job: &Job) -> Option<JobState> {
    let state = match job.phase {
        Phase::Pending => JobPhase::Pending,
        Phase::Running => JobPhase::Running,
        Phase::Ended(_) => return None,
    };
    let word = |word: &str, counts: bool| (counts && !word.is_empty()).then(|| word.to_owned());
    Some(JobState {
        job: job.id.0,
        state,
        reason: word(&job.reason, state == JobPhase::Pending),
        node: word(&job.node, state == JobPhase::Running),
    })
}
