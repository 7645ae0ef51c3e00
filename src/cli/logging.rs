//! `tracing` on standard error, where somebody asked for it.

use tracing_subscriber::EnvFilter;

/// Starts logging with `-v` or `RUST_LOG`; costs nothing otherwise.
pub(super) fn start(verbose: u8) {
    let asked = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = match (verbose, asked) {
        (0, None) => return,
        (0, Some(filter)) => filter,
        (1, _) => "pcamflow=debug".to_owned(),
        (_, _) => "pcamflow=trace".to_owned(),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false)
        .without_time();
    // Only a second call could fail, and there is none.
    let _ = subscriber.try_init();
}
