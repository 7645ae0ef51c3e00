//! Log lines on standard error, with `-v` or `RUST_LOG`.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

static ON: AtomicBool = AtomicBool::new(false);

/// Whether there are log lines on standard error.
pub(super) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Starts logging if `-v` or `RUST_LOG` asks for it.
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
            super::complain(&format!("warning: RUST_LOG is not valid ({error}): nothing is logged"));
            return;
        }
    };
    ON.store(true, Ordering::Relaxed);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(super::colour())
        .with_target(false)
        .without_time();
    // Only a second call could fail.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).try_init();
}
