//! When is a stat tuple proof that a file did not change?
//!
//! A file's times come from a clock with ticks. If a file is edited, read, and edited again within one tick
//! with the size unchanged, its stat tuple stays the same while its content does not. So a stat tuple proves
//! something only if, before the reading began, the file's last change lay more than a tick back: then every
//! later edit gets a later time and shows. A tick is a few milliseconds on file systems with fine time
//! stamps, a second on coarse ones (ext4 with small inodes, some network file systems) and two on FAT. A
//! change in the future (the clock was set back, or a server's runs ahead) is never "back enough". An `mtime`
//! alone proves nothing, since anyone can set it; it counts only where it is recent, for file systems that
//! keep no `ctime`.

use std::{
    thread::sleep,
    time::{Duration, SystemTime},
};

use super::StatTuple;

/// Ticks of file systems with time stamps finer than a second are 1 to 10 ms (the kernel's timer).
const FINE_TICK: Duration = Duration::from_millis(50);
/// The coarsest time stamps in use, FAT's, have two seconds.
const COARSE_TICK: Duration = Duration::from_millis(2100);
/// The longest that is waited for a file that was modified just now.
const WAIT: Duration = Duration::from_millis(100);

/// Whether every later edit must change a stat tuple. Waits for that where it takes a moment.
#[must_use]
pub fn settles(stat: &StatTuple) -> bool {
    let missing = unsettled_for(stat, now_ns());
    if missing <= WAIT {
        sleep(missing);
    }
    missing <= WAIT
}

/// Now, as files have it: in nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

/// How long after `now` it takes until every later edit must change the stat tuple.
pub(crate) fn unsettled_for(stat: &StatTuple, now_ns: i64) -> Duration {
    let tick = if is_coarse(stat) { COARSE_TICK } else { FINE_TICK };
    // An edit now would not give a time in the future: only a recent `mtime` could repeat itself.
    let mtime_ns = if stat.mtime_ns <= now_ns { stat.mtime_ns } else { i64::MIN };
    let age_ns = now_ns.saturating_sub(stat.ctime_ns.max(mtime_ns));
    let missing_ns = i128::try_from(tick.as_nanos()).expect("ticks are short") - i128::from(age_ns);
    Duration::from_nanos(u64::try_from(missing_ns.max(0)).unwrap_or(u64::MAX))
}

/// Whether the times come from a coarse clock: they are whole seconds. (Some systems keep the time at which a
/// file on FAT was made in place of the `ctime`, in hundredths of a second.)
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
        // The clock was set back: the change lies in the future.
        assert!(missing(1, now + 3600 * second + 1) > 3_600_000);
        // An mtime can be set to anything, so it proves nothing.
        assert_eq!(missing(now + 3600 * second, now - second + 1), 0);
        assert_eq!(missing(5, now - 1), 49);
        // No ctime on this file system.
        assert_eq!(missing(now - 1, 0), 49);
    }
}
