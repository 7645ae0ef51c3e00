//! The `pcamflow-worker` binary: loads libtorch and serves the stages that need it.
//!
//! The only module tree that names `tch`. It speaks the engine's protocol on standard input and
//! output (`pcamflow::serve`) and is of no use to people. In reading order: `job` and `jobs` (what a stage asks
//! for), `train` and `predict` (what is computed), `model` and `optim` (with what), `batches` and
//! `patches` (on what), `tensors` (weights in files), `device`, `cuda` and `allocator` (where).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod allocator;
mod baseline;
mod batch_size;
mod batches;
mod cuda;
mod device;
mod explain;
mod faithfulness;
mod job;
mod jobs;
mod model;
mod optim;
mod patches;
mod predict;
mod tensors;
mod train;
mod version;
mod words;

use std::collections::BTreeMap;

fn main() -> std::process::ExitCode {
    allocator::keep_pages();
    let versions = BTreeMap::from([
        ("libtorch".to_owned(), version::libtorch()),
        ("pcamflow-worker".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    pcamflow::serve::serve(versions, jobs::run, jobs::check)
}
