//! The run itself: the loop, one attempt at a stage, retries, and which stages may run at the same time.
//!
//! Asks `plan` what to do and `exec` to do it. Knows no processes.

pub mod again;
pub(in crate::engine) mod attempt;
pub(in crate::engine) mod begin;
pub(in crate::engine) mod frozen;
mod locked;
mod log;
pub(in crate::engine) mod questions;
pub mod resources;
pub(in crate::engine) mod retry;
pub(in crate::engine) mod run_loop;
mod showing;
pub(in crate::engine) mod states;
pub(in crate::engine) mod task;
