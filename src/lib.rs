//! pcamflow: declarative, cached pipelines that train and explain patch classifiers on PatchCamelyon.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod digest;
pub mod engine;
pub mod fsx;
pub mod graph;
pub mod jobs;
pub mod metrics;
pub mod pipeline;
pub mod protocol;
pub mod report;
pub mod serve;
pub mod stages;
pub mod store;
#[doc(hidden)]
pub mod testing;
pub mod ui;
