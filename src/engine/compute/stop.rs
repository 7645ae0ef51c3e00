//! Cancels the work of an executor when the user stops the command.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use crate::engine::exec::Executor;

/// How often to check whether the user has stopped the command.
const INTERVAL: Duration = Duration::from_millis(50);

/// Does some work of an executor on this thread. Cancels it, by its name, as soon as `stopped` is set.
pub(in crate::engine) fn until_stopped<T>(
    executor: &dyn Executor,
    name: &str,
    stopped: &AtomicBool,
    work: impl FnOnce() -> T,
) -> T {
    let (done, is_done) = mpsc::channel::<()>();
    // `done` belongs to the closure, so that it is dropped even if the work panics.
    std::thread::scope(move |threads| {
        threads.spawn(move || {
            while is_done.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if stopped.load(Ordering::SeqCst) {
                    executor.cancel(name);
                }
            }
        });
        let result = work();
        drop(done);
        result
    })
}
