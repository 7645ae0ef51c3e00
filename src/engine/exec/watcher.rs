//! Watches processes while they compute: how much memory they hold, and whether they take too long.
//!
//! One thread for all of them, which starts with the first and ends a moment after the last. It looks a
//! few times a second, and less often where looking takes long.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{kill::kill, memory, oom::Kills};
use crate::protocol::Failure;

/// How often to look, at most.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looking takes at most this part of the time.
const SHARE: u32 = 50;
/// How long the thread stays when nothing computes.
const LINGER: Duration = Duration::from_secs(5);

/// Watches all processes of a pool.
#[derive(Debug, Default)]
pub(super) struct Watch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    watched: Vec<Watched>,
    /// Whether the thread is there.
    runs: bool,
}

#[derive(Debug)]
struct Watched {
    id: u32,
    until: Option<Instant>,
    overdue: bool,
    peak: u64,
}

/// A process that is being watched, until this is dropped.
#[derive(Debug)]
pub(super) struct Watching<'a> {
    watch: &'a Watch,
    id: u32,
    /// Whether the process' own account of its peak began with this task.
    counts: bool,
    kills: Kills,
}

impl Watch {
    /// Watches a process that begins a task; ends it, and all that it started, when the time is up.
    pub(super) fn begin(&self, id: u32, timeout: Option<Duration>) -> Watching<'_> {
        let counts = memory::forget_peak(id);
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.0.lock();
        state.watched.push(Watched { id, until, overdue: false, peak: 0 });
        if !state.runs {
            state.runs = true;
            let inner = Arc::clone(&self.0);
            std::thread::spawn(move || inner.look_after_them());
        } else if until.is_some() {
            self.0.changed.notify_one();
        }
        Watching { watch: self, id, counts, kills: Kills::now() }
    }
}

impl Watching<'_> {
    /// The most that the process and what it started held so far, as far as anybody looked.
    pub(super) fn peak(&self) -> Option<u64> {
        let own = if self.counts { memory::own_peak(self.id) } else { None };
        let seen = self.watch.0.lock().of(self.id).map(|watched| watched.peak);
        own.max(seen).filter(|peak| *peak > 0)
    }

    /// The most that the process held that has just ended; blocks until it has.
    pub(super) fn peak_of_the_dead(&self) -> Option<u64> {
        let own = memory::peak_of_the_dead(self.id);
        own.max(self.peak())
    }

    /// Whether its time was up, and it was ended for that.
    pub(super) fn is_overdue(&self) -> bool {
        self.watch.0.lock().of(self.id).is_some_and(|watched| watched.overdue)
    }

    /// What to say of a failure that the process told itself: whether something that it started was killed.
    pub(super) fn explained(&self, failure: Failure) -> Failure {
        let known = failure.message.contains("(SIGKILL) by the kernel");
        match self.kills.told_of_others(self.peak()).filter(|_| !known) {
            Some(text) => Failure { message: format!("{}; {text}", failure.message), ..failure },
            None => failure,
        }
    }

    /// What to say of it if it was killed meanwhile.
    pub(super) fn was_killed(&self, peak: Option<u64>) -> String {
        self.kills.told(peak)
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.watch.0.lock().watched.retain(|watched| watched.id != self.id);
    }
}

impl State {
    fn of(&self, id: u32) -> Option<&Watched> {
        self.watched.iter().find(|watched| watched.id == id)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn look_after_them(&self) {
        let (mut idle, mut next) = (Instant::now(), Instant::now());
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if !state.watched.is_empty() {
                idle = now;
            } else if now.duration_since(idle) > LINGER {
                state.runs = false;
                return;
            }
            state.end_the_overdue(now);
            if now >= next && !state.watched.is_empty() {
                let ids: Vec<u32> = state.watched.iter().map(|watched| watched.id).collect();
                drop(state);
                let held = memory::held(&ids);
                next = Instant::now() + INTERVAL.max(now.elapsed() * SHARE);
                state = self.lock();
                state.note(&ids, &held);
            }
            let first =
                state.watched.iter().filter(|watched| !watched.overdue).filter_map(|watched| watched.until);
            let wake = first.fold(next.max(now + Duration::from_millis(1)), Instant::min);
            let wait = wake.saturating_duration_since(Instant::now()).min(INTERVAL);
            state = self
                .changed
                .wait_timeout(state, wait)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }
}

impl State {
    fn end_the_overdue(&mut self, now: Instant) {
        let due =
            |watched: &&mut Watched| !watched.overdue && watched.until.is_some_and(|until| now >= until);
        for watched in self.watched.iter_mut().filter(due) {
            watched.overdue = true;
            kill(watched.id);
        }
    }

    fn note(&mut self, ids: &[u32], held: &[u64]) {
        for (id, held) in ids.iter().zip(held) {
            if let Some(watched) = self.watched.iter_mut().find(|watched| watched.id == *id) {
                watched.peak = watched.peak.max(*held);
            }
        }
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
    fn who_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let mut child = sleeper(&format!("sleep 60 & echo $! >'{}'; wait", file.display()));
        let watch = Watch::default();
        let started = Instant::now();
        let watching = watch.begin(child.id(), Some(Duration::from_millis(300)));
        assert!(!watching.is_overdue());
        // Killed, or ended by its own will because its child was killed a moment before.
        child.wait().unwrap();
        assert!(watching.is_overdue());
        assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
        assert!(started.elapsed() < Duration::from_secs(20));
        let inner = std::fs::read_to_string(&file).unwrap();
        let stat = format!("/proc/{}/stat", inner.trim());
        let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        let deadline = Instant::now() + Duration::from_secs(20);
        while !gone() {
            assert!(Instant::now() < deadline, "what it started still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_peak_is_seen_and_who_is_in_time_is_left_alone() {
        let mut child = sleeper("exec sleep 2");
        let watch = Watch::default();
        let watching = watch.begin(child.id(), Some(Duration::from_secs(3600)));
        let deadline = Instant::now() + Duration::from_secs(20);
        while watching.peak().is_none_or(|peak| peak < 100_000) {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!watching.is_overdue());
        drop(watching);
        assert!(watch.0.lock().watched.is_empty());
        kill(child.id());
        child.wait().unwrap();
    }
}
