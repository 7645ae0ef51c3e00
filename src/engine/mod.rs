//! The engine: decides what has to run, runs it, keeps what it made.
//!
//! Knows stages, graph and store; knows neither libtorch nor who listens to its events.

pub mod event;
pub mod exec;
pub mod fingerprint;
pub mod resources;
