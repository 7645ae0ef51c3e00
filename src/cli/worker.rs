//! Finds the programs that compute stages.

use std::path::{Path, PathBuf};

use crate::engine::exec::Programs;

const WORKER: &str = "pcamflow-worker";

/// This binary, and the worker: from PCAMFLOW_WORKER, beside this binary, or on the PATH.
pub(super) fn programs() -> Programs {
    let engine = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("pcamflow"));
    let worker = named().or_else(|| beside(&engine)).or_else(on_the_path);
    Programs { engine, serve: super::SERVE, worker }
}

fn named() -> Option<PathBuf> {
    std::env::var_os("PCAMFLOW_WORKER").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn beside(engine: &Path) -> Option<PathBuf> {
    Some(engine.with_file_name(WORKER)).filter(|path| path.is_file())
}

fn on_the_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(WORKER)).find(|path| path.is_file())
}
