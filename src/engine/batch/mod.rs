//! Stages as jobs of Slurm: the engine submits a job, or finds the one that a former run has submitted, and waits.
//!
//! The job computes and publishes the result itself, with the code of local stages, and so does not need the engine.
//! Both sides meet in the job's folder in the store. Slurm's queue says which job belongs to a key, and how it was lost
//! if it could not say so itself.

mod case;
mod ear;
mod events;
mod folder;
mod follow;
mod following;
mod job;
mod jobs;
mod looking;
pub mod now;
mod patience;
mod state;
mod submitting;
mod turns;

pub(in crate::engine) use case::{Case, Context, Outcome, Step};
pub(in crate::engine) use ear::Ear;
pub use job::{compute, compute_with};
pub(in crate::engine) use jobs::Batch;
pub(in crate::engine) use turns::{Rota, Turn, Turns};
