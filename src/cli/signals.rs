//! Signals: the first one stops a command and keeps what is finished, the second one ends it at once.
//!
//! Ctrl-C also cancels the jobs of a run on a cluster. A terminal that is closed, or a machine that is shut down, leaves
//! them.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicBool, Ordering},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use super::Exit;
use crate::offspring;

/// Whether the last signal was another one than Ctrl-C. Signals are those of the process, so this is, too.
static JOBS_GO_ON: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Set when a signal stops the command that leaves its jobs on a cluster alone.
pub(super) fn jobs_go_on() -> Arc<AtomicBool> {
    Arc::clone(&JOBS_GO_ON)
}

/// Sets `stopped` on Ctrl-C, SIGTERM and SIGHUP.
pub(super) fn stop_on_signals(stopped: &Arc<AtomicBool>) {
    let stopped = Arc::clone(stopped);
    on_signals(move || stopped.swap(true, Ordering::SeqCst));
}

/// Calls `stop` on Ctrl-C, SIGTERM and SIGHUP. If it was called before, which it returns, the process ends, with all
/// processes that it started.
pub(super) fn on_signals(stop: impl Fn() -> bool + Send + 'static) {
    let mut signals = match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(signals) => signals,
        Err(error) => return tracing::debug!("no signal handler: {error}"),
    };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            jobs_go_on().store(signal != SIGINT, Ordering::SeqCst);
            if stop() {
                offspring::end_below(std::process::id());
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    });
}
