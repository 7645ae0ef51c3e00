//! Work that mostly waits: a thousand jobs are followed by a few threads.
//!
//! Each piece of work says when its next turn is due. Knows neither jobs nor stages.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::Scope,
    time::{Duration, Instant},
};

/// The most threads. A turn may wait for an answer: of Slurm, of a remote store.
const THREADS: usize = 8;
/// How often to check whether the run was stopped.
const INTERVAL: Duration = Duration::from_millis(100);

/// Work in turns.
pub(in crate::engine) trait Turns: Send {
    /// Does what can be done now. Must not panic. If the run is stopped, it comes to an end.
    fn turn(&mut self) -> Turn;
}

/// What comes after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Turn {
    /// The next one.
    After(Duration),
    /// Nothing.
    Over,
}

/// Gives turns to work. Dropping it ends its threads as soon as no work is left.
pub(in crate::engine) struct Rota<'a> {
    shared: Arc<Shared<'a>>,
    threads: usize,
}

struct Shared<'a> {
    waiting: Mutex<Waiting<'a>>,
    changed: Condvar,
    stopped: &'a AtomicBool,
}

#[derive(Default)]
struct Waiting<'a> {
    work: BinaryHeap<Due<'a>>,
    closed: bool,
}

/// Work, and when its next turn is due. The earliest is the greatest.
struct Due<'a> {
    at: Reverse<Instant>,
    work: Box<dyn Turns + 'a>,
}

impl<'a> Rota<'a> {
    /// Without work. If `stopped` is set, all turns are due.
    pub(in crate::engine) fn new(stopped: &'a AtomicBool) -> Self {
        let shared = Shared { waiting: Mutex::default(), changed: Condvar::new(), stopped };
        Self { shared: Arc::new(shared), threads: 0 }
    }

    /// Adds work, whose first turn is due at once.
    pub(in crate::engine) fn add<'s>(&mut self, work: impl Turns + 'a, threads: &'s Scope<'s, 'a>) {
        self.shared.add(Instant::now(), Box::new(work));
        if self.threads < THREADS {
            self.threads += 1;
            let shared = Arc::clone(&self.shared);
            threads.spawn(move || shared.serve());
        }
    }
}

impl Drop for Rota<'_> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl<'a> Shared<'a> {
    fn lock(&self) -> MutexGuard<'_, Waiting<'a>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, at: Instant, work: Box<dyn Turns + 'a>) {
        self.lock().work.push(Due { at: Reverse(at), work });
        self.changed.notify_one();
    }

    fn serve(&self) {
        while let Some(mut work) = self.next() {
            if let Turn::After(wait) = work.turn() {
                self.add(Instant::now() + wait, work);
            }
        }
    }

    /// The next work whose turn is due; `None` if there will be none.
    fn next(&self) -> Option<Box<dyn Turns + 'a>> {
        let mut waiting = self.lock();
        loop {
            let now = Instant::now();
            let pause = match waiting.work.peek() {
                Some(due) if due.at.0 <= now || self.stopped.load(SeqCst) => {
                    return waiting.work.pop().map(|due| due.work);
                }
                Some(due) => (due.at.0 - now).min(INTERVAL),
                None if waiting.closed => return None,
                None => INTERVAL,
            };
            waiting = self.changed.wait_timeout(waiting, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Ord for Due<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

impl PartialOrd for Due<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due<'_> {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Has some turns, and reports each.
    struct Work {
        name: usize,
        left: u32,
        wait: Duration,
        report: Sender<usize>,
    }

    impl Turns for Work {
        fn turn(&mut self) -> Turn {
            self.report.send(self.name).unwrap();
            self.left -= 1;
            if self.left == 0 { Turn::Over } else { Turn::After(self.wait) }
        }
    }

    #[test]
    fn all_work_has_all_its_turns_on_a_few_threads() {
        let (report, reports) = channel();
        let stopped = AtomicBool::new(false);
        std::thread::scope(|threads| {
            let mut rota = Rota::new(&stopped);
            for name in 0..300 {
                rota.add(
                    Work { name, left: 3, wait: Duration::from_millis(5), report: report.clone() },
                    threads,
                );
            }
            assert_eq!(rota.threads, THREADS);
        });
        drop(report);
        let mut turns = vec![0; 300];
        reports.iter().for_each(|name| turns[name] += 1);
        assert_eq!(turns, [3; 300]);
    }

    #[test]
    fn a_stopped_run_waits_for_no_turn() {
        let (report, reports) = channel();
        let (stopped, began) = (AtomicBool::new(false), Instant::now());
        std::thread::scope(|threads| {
            let mut rota = Rota::new(&stopped);
            rota.add(Work { name: 7, left: 2, wait: Duration::from_secs(60), report }, threads);
            assert_eq!(reports.recv(), Ok(7));
            stopped.store(true, SeqCst);
        });
        assert_eq!(reports.recv(), Ok(7));
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
