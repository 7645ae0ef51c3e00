//! Reports: events, results that are shown, requirements, and recorded runs.
//!
//! Plain data and files for people. Starts nothing.

mod ended;
pub mod event;
pub mod given;
pub mod history;
pub mod job;
pub mod repeats;
pub mod require;
pub(in crate::engine) mod running;
pub(in crate::engine) mod show;
pub(in crate::engine) mod together;
pub(in crate::engine) mod transfer;
mod trial;
pub mod trials;
