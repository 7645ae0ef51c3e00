//! The `pcamflow-worker` binary: loads libtorch and serves the stages that need it.
//!
//! Only this module tree uses `tch`. The engine starts the binary and talks to it (`pcamflow::serve`). In reading
//! order: `job` and `jobs` (the stage kinds), `train`, `predict`, `explain` and `faithfulness` (the computations),
//! `model` and `optim`, `batches` and `patches` (the input), `tensors` (weights in files), `kernels` and `libtorch`
//! (arithmetic that tch does not offer), `device`, `precision`, `cuda` and `allocator` (the machine).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod allocator;
#[cfg(test)]
mod alone;
mod baseline;
mod batch_size;
mod batches;
mod cuda;
mod device;
mod explain;
mod faithfulness;
mod job;
mod jobs;
mod kernels;
mod libtorch;
mod model;
mod numbers;
mod optim;
mod patches;
mod precision;
mod predict;
mod random;
mod tensors;
mod train;
mod version;

use std::collections::BTreeMap;

fn main() -> std::process::ExitCode {
    allocator::keep_pages();
    let versions = BTreeMap::from([
        ("libtorch".to_owned(), version::libtorch()),
        ("pcamflow-worker".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    pcamflow::serve::serve(versions, jobs::run, jobs::check)
}
