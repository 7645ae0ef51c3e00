//! The engine: decides what has to run, runs it, keeps what it made.
//!
//! Knows stages, graph and store; knows neither libtorch nor who listens to its events. One planner
//! serves the dry run and the real run; one traversal makes keys and explains them.
//!
//! Four rooms: `tell` is what is said, `plan` decides with it, `run` does what was decided, and `exec`, beside
//! them, computes. A room imports only from those before it, `run` also from `exec`.

pub mod exec;
pub mod plan;
pub mod run;
pub mod tell;

pub use plan::{
    engine::{Engine, Options, Refused, scope},
    keys::NamedStage,
    status::StageStatus,
};
pub use run::attempt::host;
