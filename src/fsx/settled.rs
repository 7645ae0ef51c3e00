//! When a stat tuple proves that a file did not change.
//!
//! A file's times come from a clock with ticks. If a file is edited, read, and edited again within one tick without
//! changing its size, its stat tuple stays the same. So a stat tuple proves something only if the last change was more
//! than a tick before the reading began: then every later edit gets a later time. A tick is a few milliseconds on most
//! file systems, a second on coarse ones (ext4 with small inodes, some network file systems) and two on FAT. A change in
//! the future (the clock was set back, or a server's clock is ahead) never counts as old. An `mtime` proves nothing,
//! because anyone can set it; it counts only if it is recent, for file systems without `ctime`.

use std::{
    thread::sleep,
    time::{Duration, SystemTime},
};

use super::StatTuple;

/// Ticks of file systems with time stamps finer than a second are 1 to 10 ms (the kernel's timer).
const FINE_TICK: Duration = Duration::from_millis(50);
/// The coarsest time stamps are those of FAT, with two seconds.
const COARSE_TICK: Duration = Duration::from_millis(2100);
/// The longest wait for a file that was modified just now.
const WAIT: Duration = Duration::from_millis(100);

/// Whether every later edit must change the stat tuple. Waits a moment if that is enough.
#[must_use]
pub fn settles(stat: &StatTuple) -> bool {
    let missing = unsettled_for(stat, now_ns());
    if missing <= WAIT {
        sleep(missing);
    }
    missing <= WAIT
}

/// Now, in nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

/// The time from `now` until every later edit must change the stat tuple.
pub(crate) fn unsettled_for(stat: &StatTuple, now_ns: i64) -> Duration {
    let tick = if is_coarse(stat) { COARSE_TICK } else { FINE_TICK };
    // An edit now gives no time in the future, so a future `mtime` cannot repeat itself.
    let mtime_ns = if stat.mtime_ns <= now_ns { stat.mtime_ns } else { i64::MIN };
    let age_ns = now_ns.saturating_sub(stat.ctime_ns.max(mtime_ns));
    let missing_ns = i128::try_from(tick.as_nanos()).expect("ticks are short") - i128::from(age_ns);
    Duration::from_nanos(u64::try_from(missing_ns.max(0)).unwrap_or(u64::MAX))
}

/// Whether the times come from a coarse clock, in whole seconds. (On FAT, the `ctime` may be the time of creation, in
/// hundredths of a second.)
fn is_coarse(stat: &StatTuple) -> bool {
    stat.mtime_ns % 1_000_000_000 == 0 && stat.ctime_ns % 10_000_000 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recent_change_is_waited_for_or_not_remembered() {
        let second = 1_000_000_000;
        let now = 1_000 * second;
        let missing = |mtime_ns, ctime_ns| {
            unsettled_for(&StatTuple { size: 1, mtime_ns, inode: 1, ctime_ns }, now).as_millis()
        };
        assert_eq!(missing(now - second + 1, now - second + 1), 0);
        assert_eq!(missing(now - 1, now - 1), 49, "a fine clock's tick");
        assert_eq!(missing(now - second, now - second), 1100, "whole seconds: a coarse clock");
        assert_eq!(missing(now - 3 * second, now - 3 * second), 0);
        assert_eq!(
            missing(now - second, now - second + 70_000_000),
            1170,
            "FAT, with the time of its making"
        );
        // The clock was set back: the change is in the future.
        assert!(missing(1, now + 3600 * second + 1) > 3_600_000);
        // An mtime can be set to anything, so it proves nothing.
        assert_eq!(missing(now + 3600 * second, now - second + 1), 0);
        assert_eq!(missing(5, now - 1), 49);
        // This file system has no ctime.
        assert_eq!(missing(now - 1, 0), 49);
    }
}
