//! The threads on which chunks are unpacked.
//!
//! One setting for the process, as libtorch has one: a process works on one task at a time. Patches are read from
//! threads of their own, so a pool that the caller runs in would not reach here.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);

/// Unpacks on so many threads from now on; before, on all cores.
///
/// # Errors
/// The system gives no more threads.
pub fn unpack_on(threads: usize) -> Result<()> {
    let threads = threads.max(1);
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.as_ref().is_none_or(|pool| pool.current_num_threads() != threads) {
        let made = ThreadPoolBuilder::new().num_threads(threads).build();
        *pool = Some(Arc::new(made.with_context(|| format!("cannot start {threads} threads"))?));
    }
    Ok(())
}

/// Runs an operation on these threads.
pub(super) fn install<T: Send>(operation: impl FnOnce() -> T + Send) -> T {
    let pool = POOL.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match pool {
        Some(pool) => pool.install(operation),
        None => operation(),
    }
}
