//! The run itself: the loop, one attempt at a stage, retries, and which stages may run at the same time.
//!
//! `plan` decides what to do, `exec` computes. Knows no processes.

pub mod again;
mod as_job;
pub(in crate::engine) mod attempt;
mod begin;
mod blocked;
mod ending;
mod fetching;
mod frozen;
mod jobs;
mod locked;
mod messages;
mod pushed;
mod pushing;
mod questions;
mod reopened;
pub mod resources;
mod run_loop;
pub mod share;
mod showing;
mod states;
mod task;
