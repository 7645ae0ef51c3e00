//! `tracing` on standard error, if it was asked for.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

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
    let targets: Targets = match filter.parse() {
        Ok(targets) => targets,
        Err(error) => {
            super::complain(&format!("warning: RUST_LOG is not understood ({error}): nothing is logged"));
            return;
        }
    };
    WANTED.store(true, Ordering::Relaxed);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(super::colour())
        .with_target(false)
        .without_time();
    // Only a second call could fail, and there is none.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).try_init();
}
