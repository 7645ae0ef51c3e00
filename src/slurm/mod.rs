//! Slurm, through its commands `sbatch`, `squeue` and `scancel`.
//!
//! Knows jobs: submits them, asks for the states of all of them at once, cancels them, and says why one was lost. No
//! accounting database is needed. Knows neither stages nor the store.

mod commands;
mod job;
mod lost;
mod options;
mod queue;

pub use commands::{Commands, Submission, Trouble, is_plain};
pub use job::{End, Job, JobId, Phase};
pub use lost::{Cause, Lost, lost};
pub use queue::{Queue, Snapshot};
