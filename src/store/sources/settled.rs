//! When is a stat tuple proof that a file did not change?
//!
//! A file's times come from a clock with ticks. If a file is edited, hashed, and edited
//! again within one tick with the size unchanged, its stat tuple is the same while the content is not. So a
//! digest is remembered only if, before the reading began, the file's last change lay more than a tick back:
//! then every later edit gets a later time and shows. A tick is a few milliseconds on file systems with fine
//! time stamps, two seconds on the coarsest in use (FAT; recognised by whole seconds). Where less than
//! [`WAIT`] is missing the hashing waits; otherwise the digest serves this run and is computed again in the
//! next. A change in the future (the clock was set back, or a server's runs ahead) is never "back enough":
//! such a file is hashed every time until the clock has caught up. An `mtime` alone proves nothing, anybody
//! can set it; it counts only where it is recent, for file systems that keep no `ctime`.

use std::time::Duration;

use crate::fsx::StatTuple;

/// Ticks of file systems with time stamps finer than a second are 1 to 10 ms (the kernel's timer).
const FINE_TICK: Duration = Duration::from_millis(50);
/// The coarsest time stamps in use, FAT's, have two seconds.
const COARSE_TICK: Duration = Duration::from_millis(2100);

/// How long after `now` it takes until every later edit must change the stat tuple.
pub(in crate::store) fn unsettled_for(stat: &StatTuple, now_ns: i64) -> Duration {
    let whole_seconds = |time: i64| time % 1_000_000_000 == 0;
    let coarse = whole_seconds(stat.mtime_ns) && whole_seconds(stat.ctime_ns);
    let tick = if coarse { COARSE_TICK } else { FINE_TICK };
    // An edit now would not give a time in the future: only a recent `mtime` could repeat itself.
    let mtime_ns = if stat.mtime_ns <= now_ns { stat.mtime_ns } else { i64::MIN };
    let age_ns = now_ns.saturating_sub(stat.ctime_ns.max(mtime_ns));
    let missing_ns = i128::try_from(tick.as_nanos()).expect("ticks are short") - i128::from(age_ns);
    Duration::from_nanos(u64::try_from(missing_ns.max(0)).unwrap_or(u64::MAX))
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
        // The clock was set back: the change lies in the future.
        assert!(missing(1, now + 3600 * second + 1) > 3_600_000);
        // An mtime that somebody set proves nothing, neither way.
        assert_eq!(missing(now + 3600 * second, now - second + 1), 0);
        assert_eq!(missing(5, now - 1), 49);
        // No ctime on this file system.
        assert_eq!(missing(now - 1, 0), 49);
    }
}
