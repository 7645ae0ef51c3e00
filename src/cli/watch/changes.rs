//! Waits until files change: looks at them a few times a second and compares.
//!
//! The system's own notices are not used: they are missing on network file systems, and every notice would be
//! checked in this way anyway.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::snapshot::Snapshot;

/// How often to look. A look that takes long is followed by a longer pause: looking takes a twentieth of the time.
const OFTEN: Duration = Duration::from_millis(150);

/// How long files have to stay the same before a change counts as finished.
const STILL: Duration = Duration::from_millis(100);

/// Waits until the files differ from `before` and stay the same for a moment; `None` as soon as `over`.
pub(super) fn wait(
    paths: &BTreeSet<PathBuf>,
    before: &Snapshot,
    over: &dyn Fn() -> bool,
) -> Option<Snapshot> {
    while !over() {
        let started = Instant::now();
        let mut now = Snapshot::of(paths);
        let pause = OFTEN.max(started.elapsed() * 20);
        if now != *before {
            now = settled(paths, now);
            // A change may have been taken back.
            if now != *before {
                return Some(now);
            }
        }
        let next = Instant::now() + pause;
        while !over() && Instant::now() < next {
            std::thread::sleep(OFTEN.min(pause));
        }
    }
    None
}

/// The files once they have stopped changing.
fn settled(paths: &BTreeSet<PathBuf>, mut last: Snapshot) -> Snapshot {
    loop {
        std::thread::sleep(STILL);
        let now = Snapshot::of(paths);
        if now == last {
            return now;
        }
        last = now;
    }
}
