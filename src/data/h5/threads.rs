//! The threads on which chunks are unpacked.
//!
//! One setting for the process, which works on one task at a time. Patches are read from other threads than that of
//! the caller, so the pool of the caller would not apply.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);

/// Sets the number of threads. Without a setting, all cores are used.
///
/// # Errors
/// The system has no more threads.
pub fn unpack_on(threads: usize) -> Result<()> {
    let threads = threads.max(1);
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.as_ref().is_none_or(|pool| pool.current_num_threads() != threads) {
        let made = ThreadPoolBuilder::new().num_threads(threads).build();
        *pool = Some(Arc::new(made.with_context(|| format!("cannot start {threads} threads"))?));
    }
    Ok(())
}

/// Runs an operation on the threads.
pub(super) fn install<T: Send>(operation: impl FnOnce() -> T + Send) -> T {
    let pool = POOL.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match pool {
        Some(pool) => pool.install(operation),
        None => operation(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{
        Source,
        fixtures::{Files, PATCH_BYTES},
        h5::{H5File, Rows},
    };

    /// Threads are counted in a child process, because here other tests run.
    #[test]
    fn chunks_are_unpacked_on_no_more_threads_than_the_stage_has() {
        const CHILD: &str = "PCAMFLOW_TEST_THREADS_CHILD";
        if let Some(path) = std::env::var_os(CHILD) {
            unpack_on(2).unwrap();
            let before = std::fs::read_dir("/proc/self/task").unwrap().count();
            let rows = Rows::patches(&H5File::open(&Source::at(&path)).unwrap()).unwrap();
            rows.read(&(0..40).collect::<Vec<_>>(), &mut vec![0; 40 * PATCH_BYTES]).unwrap();
            let after = std::fs::read_dir("/proc/self/task").unwrap().count();
            assert_eq!(after, before, "reading started threads of its own");
            return;
        }
        let files = Files::new();
        let source = files.patches("x.h5", 40, |plain| plain.chunk((1, 96, 96, 3)).deflate(1));
        let name = concat!(module_path!(), "::chunks_are_unpacked_on_no_more_threads_than_the_stage_has");
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name.split_once("::").unwrap().1, "--nocapture"])
            .env(CHILD, &source.path)
            .env("RAYON_NUM_THREADS", "7")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
    }
}
