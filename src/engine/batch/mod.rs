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
mod jobs;
pub mod now;
mod state;
mod submit;

pub(in crate::engine) use ear::Ear;
pub(in crate::engine) use follow::Outcome;
pub use job::{compute, compute_with};
pub(in crate::engine) use jobs::Batch;
