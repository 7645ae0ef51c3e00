//! The engine: decides what has to run, runs it, and keeps the results.
//!
//! Knows stages, the graph and the store; knows neither libtorch nor the listeners to its events. One planner
//! serves the dry run and the real run, and one traversal makes keys and explains them.
//!
//! It has six parts: `tell` reports, `plan` decides, `exec` starts processes, `compute` has a stage computed here, `batch`
//! as a job of a cluster, `run` carries the plan out. Each imports only those before it (a test checks this).

pub mod batch;
mod compute;
pub mod exec;
pub mod plan;
pub mod run;
pub mod tell;

pub use crate::place::host;
pub use batch::now::StageNow;
pub use plan::{
    batch_options::BatchOptions,
    engine::{Engine, Options, Refused, scope},
    keys::{NamedStage, StageStatus},
};
