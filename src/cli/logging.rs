//! `tracing` on standard error, where somebody asked for it.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;

static WANTED: AtomicBool = AtomicBool::new(false);

/// Whether log lines go to standard error.
pub(super) fn wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// Starts logging with `-v` or `RUST_LOG`; costs nothing otherwise.
pub(super) fn start(verbose: u8) {
    let asked = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = match (verbose, asked) {
        (0, None) => return,
        (0, Some(filter)) => filter,
        (1, _) => "pcamflow=debug".to_owned(),
        (_, _) => "pcamflow=trace".to_owned(),
    };
    WANTED.store(true, Ordering::Relaxed);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false)
        .without_time();
    // Only a second call could fail, and there is none.
    let _ = subscriber.try_init();
}
