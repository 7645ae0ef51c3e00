//! The engine: decides what has to run, runs it, keeps what it made.
//!
//! Knows stages, graph and store; knows neither libtorch nor who listens to its events. One planner
//! serves the dry run and the real run; one traversal makes keys and explains them.
//!
//! It has four rooms: `tell` reports, `plan` decides, `run` carries the plan out, `exec` computes stages. `plan`
//! imports from `tell`; `run` from all; `tell` and `exec` from no other room (a test checks this).

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
