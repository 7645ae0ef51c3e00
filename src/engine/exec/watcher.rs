//! Watches a process during one task: how much memory it uses, and whether its time is up.
//!
//! It has no thread. The code that waits for the process calls [`Watching::look`] between two waits.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{memory, oom::Kills};
use crate::offspring;

/// The shortest time between two looks at the memory.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looking at the memory takes at most one part in this many of the time.
const SHARE: u32 = 50;

/// A process that is being watched.
#[derive(Debug)]
pub(super) struct Watching {
    id: u32,
    until: Option<Instant>,
    is_overdue: Cell<bool>,
    /// When to look at the memory again.
    next: Cell<Instant>,
    /// The most memory seen so far, of the process with everything below it.
    seen: Cell<u64>,
    /// Whether the kernel's account of the peak began with this task.
    peak_was_reset: bool,
    kills: Kills,
}

impl Watching {
    /// Watches a process that begins a task, which may take as long as `timeout`.
    pub(super) fn begin(id: u32, timeout: Option<Duration>) -> Self {
        let peak_was_reset = memory::reset_peak(id);
        // Without the kernel's account, short tasks need a look at their beginning.
        let first = if peak_was_reset { INTERVAL } else { Duration::ZERO };
        Self {
            id,
            until: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            is_overdue: Cell::new(false),
            next: Cell::new(Instant::now() + first),
            seen: Cell::new(0),
            peak_was_reset,
            kills: Kills::now(),
        }
    }

    /// Looks at the process if it is time for that, and ends it and all that it started if its own time is up.
    /// Returns how long to wait at most before the next call.
    pub(super) fn look(&self) -> Duration {
        let now = Instant::now();
        if now >= self.next.get() {
            self.seen.set(self.seen.get().max(offspring::resident(self.id)));
            self.next.set(Instant::now() + INTERVAL.max(now.elapsed() * SHARE));
        }
        let Some(until) = self.until.filter(|_| !self.is_overdue.get()) else { return INTERVAL };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.is_overdue.set(true);
            offspring::end(self.id);
        }
        left.min(INTERVAL)
    }

    /// The most memory that the process and everything below it were seen to use so far.
    pub(super) fn peak(&self) -> Option<u64> {
        let own = if self.peak_was_reset { memory::own_peak(self.id) } else { None };
        own.max(Some(self.seen.get())).filter(|peak| *peak > 0)
    }

    /// The peak of a process that is ending; blocks until it has ended.
    pub(super) fn peak_of_the_dead(&self) -> Option<u64> {
        memory::peak_of_the_dead(self.id).max(self.peak())
    }

    /// Whether its time was up and it was ended.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_overdue.get()
    }

    /// The message if the process was killed.
    pub(super) fn killed(&self, peak: Option<u64>) -> String {
        self.kills.killed(peak)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::CommandExt,
        process::{Child, Command},
    };

    use super::*;

    fn sleeper(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap()
    }

    #[test]
    fn a_process_that_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let mut child = sleeper(&format!("sleep 60 & echo $! >'{}'; wait", file.display()));
        let started = Instant::now();
        let watching = Watching::begin(child.id(), Some(Duration::from_millis(300)));
        while !watching.is_overdue() {
            std::thread::sleep(watching.look());
        }
        child.wait().unwrap();
        assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
        assert!(started.elapsed() < Duration::from_secs(20));
        let inner = std::fs::read_to_string(&file).unwrap();
        let stat = format!("/proc/{}/stat", inner.trim());
        let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        let deadline = Instant::now() + Duration::from_secs(20);
        while !gone() {
            assert!(Instant::now() < deadline, "its child still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_peak_is_seen_and_a_process_that_is_in_time_is_left_alone() {
        let mut child = sleeper("exec sleep 60");
        let watching = Watching::begin(child.id(), Some(Duration::from_secs(3600)));
        let deadline = Instant::now() + Duration::from_secs(20);
        while watching.seen.get() < 100_000 {
            assert!(Instant::now() < deadline);
            std::thread::sleep(watching.look());
        }
        assert!(watching.peak().unwrap() >= watching.seen.get() && !watching.is_overdue());
        offspring::end(child.id());
        child.wait().unwrap();
    }
}
