//! Waits until files change, by comparing snapshots a few times a second.
//!
//! Notifications of the file system are not used: network file systems do not have them.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::snapshot::Snapshot;

/// The pause between two snapshots. It is longer after a slow one, so that snapshots take a twentieth of the time.
const OFTEN: Duration = Duration::from_millis(150);

/// How long files must stay the same before a change counts as finished.
const STILL: Duration = Duration::from_millis(100);

/// Waits until the files differ from `before` and have stopped changing; `None` as soon as `over`.
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
            // The change may have been undone.
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
