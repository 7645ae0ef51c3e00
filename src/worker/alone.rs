//! Lets one test at a time set the number of libtorch's threads, which is one for the whole process: results of others
//! would have other bits. A worker computes one job at a time, so only tests need this.

use std::{
    cell::Cell,
    sync::{Mutex, MutexGuard, PoisonError},
};

static THREADS: Mutex<()> = Mutex::new(());

thread_local! {
    static HAS_THEM: Cell<bool> = const { Cell::new(false) };
}

/// The right to set the number of threads. Within it, the same thread has it again.
#[derive(Debug)]
pub(crate) struct Alone(Option<MutexGuard<'static, ()>>);

/// Waits until no other test sets the number of threads.
pub(crate) fn alone() -> Alone {
    match HAS_THEM.replace(true) {
        true => Alone(None),
        false => Alone(Some(THREADS.lock().unwrap_or_else(PoisonError::into_inner))),
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if self.0.is_some() {
            HAS_THEM.set(false);
        }
    }
}
