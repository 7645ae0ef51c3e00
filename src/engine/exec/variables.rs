//! The environment variables of a worker.

use std::{ffi::OsString, path::Path};

use super::libtorch;

/// How libtorch's threads wait for each other: either variable is the user's choice.
const WAITING: [&str; 2] = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"];

/// The variables that a worker needs beside those that it inherits. `worker` is `None` if it is elsewhere, with a
/// libtorch of its own.
///
/// libtorch's threads sleep while they wait for each other, unless the user sets otherwise. By default they spin for
/// milliseconds; if other programs use the cores, that made two threads up to four times slower.
pub(super) fn variables(worker: Option<&Path>) -> Vec<(&'static str, OsString)> {
    let is_unset = WAITING.iter().all(|name| std::env::var_os(name).is_none());
    let passive = is_unset.then(|| (WAITING[0], "PASSIVE".into()));
    passive.into_iter().chain(worker.and_then(libtorch::path_for)).collect()
}
