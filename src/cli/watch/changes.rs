//! Waits until files change: woken by the system where it tells, and looking by itself now and then.
//!
//! The folders are watched, not the files: editors write another file and rename it. What wakes is only a reason
//! to look: whether something changed is decided by comparing, so that neither our own writes nor a busy folder
//! beside a source ever start a run; and where the system tells nothing (network file systems, no watches left),
//! looking is enough.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher, event::EventKind};

use super::snapshot::Snapshot;

/// How often to look where the system tells of changes, in case that it does not tell of all.
const SELDOM: Duration = Duration::from_secs(2);

/// How often to look where it tells of none.
const OFTEN: Duration = Duration::from_millis(500);

/// How long files have to stand still before a change counts as done.
const STILL: Duration = Duration::from_millis(100);

/// How often to look at most, however busy a folder is.
const PAUSE: Duration = Duration::from_millis(20);

/// Wakes who waits for changes.
#[derive(Debug, Clone)]
pub(super) struct Waker(SyncSender<()>);

impl Waker {
    /// There may be something to see.
    pub(super) fn wake(&self) {
        // Who is being woken already, or is gone, needs no more.
        let _ = self.0.try_send(());
    }
}

/// What is watched.
pub(super) struct Changes {
    paths: BTreeSet<PathBuf>,
    folders: BTreeSet<(PathBuf, bool)>,
    /// `None` where the system has no means of telling.
    system: Option<RecommendedWatcher>,
    /// Whether the system watches every folder.
    is_told: bool,
    waker: Waker,
    woken: Receiver<()>,
}

impl Changes {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let (send, woken) = mpsc::sync_channel(1);
        let waker = Waker(send);
        let wake = waker.clone();
        let told = move |event: notify::Result<notify::Event>| {
            // Reading is no change, and our own looking must not wake us.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                wake.wake();
            }
        };
        let system = notify::recommended_watcher(told);
        let system = system.inspect_err(|error| tracing::debug!("looking at files by turns: {error}")).ok();
        Self { paths: BTreeSet::new(), folders: BTreeSet::new(), system, is_told: false, waker, woken }
    }

    /// What wakes this.
    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Watches these from now on.
    pub(super) fn follow(&mut self, paths: &BTreeSet<PathBuf>) {
        self.paths.clone_from(paths);
        self.watch_folders();
    }

    /// Watches the folders of the files: those that are there, or else the nearest above that are.
    fn watch_folders(&mut self) {
        let Some(system) = &mut self.system else { return };
        let wanted: BTreeSet<(PathBuf, bool)> = self.paths.iter().map(|path| folder_of(path)).collect();
        for (folder, _) in self.folders.difference(&wanted) {
            // It may be gone, and its watch with it.
            let _ = system.unwatch(folder);
        }
        self.is_told = true;
        for (folder, whole) in &wanted {
            let recursive = if *whole { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            // Again also where it is watched: the folder of that name may be another one by now.
            if let Err(error) = system.watch(folder, recursive) {
                tracing::debug!("looking at {} by turns: {error}", folder.display());
                self.is_told = false;
            }
        }
        self.folders = wanted;
    }

    /// Waits until the files are no longer as they were, and stand still; `None` as soon as `over`.
    pub(super) fn wait(&mut self, before: &Snapshot, over: &dyn Fn() -> bool) -> Option<Snapshot> {
        loop {
            if over() {
                return None;
            }
            let now = before.now(&self.paths);
            if now != *before {
                let settled = self.settled(before, now, over)?;
                // What was made only to be replaced may be as it was before.
                if settled != *before {
                    return Some(settled);
                }
            }
            self.sleep();
        }
    }

    /// How files stand once they have stopped changing.
    fn settled(&self, before: &Snapshot, mut last: Snapshot, over: &dyn Fn() -> bool) -> Option<Snapshot> {
        let mut since = Instant::now();
        while since.elapsed() < STILL {
            if self.woken.recv_timeout(STILL).is_ok() {
                std::thread::sleep(PAUSE);
            }
            if over() {
                return None;
            }
            let now = before.now(&self.paths);
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        Some(last)
    }

    /// Until there may be something to see.
    fn sleep(&mut self) {
        let patience = if self.is_told { SELDOM } else { OFTEN };
        match self.woken.recv_timeout(patience) {
            Ok(()) => std::thread::sleep(PAUSE),
            Err(RecvTimeoutError::Timeout) => {}
            // This holds a sender itself.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(patience),
        }
        while self.woken.try_recv().is_ok() {}
        if self.paths.iter().any(|path| !self.folders.contains(&folder_of(path))) {
            self.watch_folders();
        }
    }
}

/// The folder to watch for a file, and whether all below it: where it is a folder itself.
fn folder_of(path: &Path) -> (PathBuf, bool) {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // A file that is linked to is edited where it is.
    let real = absolute.canonicalize().unwrap_or(absolute);
    if real.is_dir() {
        return (real, true);
    }
    let there = real.ancestors().skip(1).find(|folder| folder.is_dir());
    (there.unwrap_or(Path::new("/")).to_owned(), false)
}
