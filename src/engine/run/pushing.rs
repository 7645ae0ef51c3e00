//! Pushes results to the remote store in threads, while the next stages run.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::Scope,
};

use crate::{
    engine::run::{
        attempt::{Message, Shared},
        share::size,
    },
    protocol::Failure,
    remote::{Answer, Pushed, RESULTS_AT_ONCE, Remote, Trouble},
    store::{ActionRecord, Existing},
};

/// Results on their way to the remote store.
pub(super) struct Pushing<'a> {
    remote: &'a Remote,
    /// Ends the threads when it is dropped. `None` before the first result.
    queue: Option<Sender<(usize, ActionRecord)>>,
    moved: Arc<Moved>,
    /// How many results are queued or being pushed.
    pub(super) open: usize,
    /// Stages whose results the remote has now.
    pub(super) done: Vec<usize>,
    /// Why some results could not be pushed.
    pub(super) failed: Vec<Trouble>,
}

/// Bytes that were moved, and in all.
#[derive(Default)]
struct Moved {
    done: AtomicU64,
    total: AtomicU64,
}

impl<'a> Pushing<'a> {
    /// `None` if nothing is to be pushed.
    pub(super) fn to(remote: Option<&'a Remote>) -> Option<Self> {
        let remote = remote.filter(|remote| remote.settings().push)?;
        let (moved, done, failed) = Default::default();
        Some(Self { remote, queue: None, moved, open: 0, done, failed })
    }

    /// Queues the result of a stage. Its end is a `Message::Pushed`.
    pub(super) fn push<'s>(
        &mut self,
        stage: usize,
        record: ActionRecord,
        threads: &'s Scope<'s, 'a>,
        shared: &'a Shared<'a>,
        send: &Sender<Message>,
    ) where
        'a: 's,
    {
        self.open += 1;
        self.moved.total.fetch_add(size(&record), Ordering::Relaxed);
        let queue = self.queue.get_or_insert_with(|| start(self.remote, &self.moved, threads, shared, send));
        // The threads end only when this is dropped.
        let _ = queue.send((stage, record));
    }
}

/// Starts the threads.
fn start<'s, 'a: 's>(
    remote: &'a Remote,
    moved: &Arc<Moved>,
    threads: &'s Scope<'s, 'a>,
    shared: &'a Shared<'a>,
    send: &Sender<Message>,
) -> Sender<(usize, ActionRecord)> {
    let (queue, queued) = channel();
    let queued = Arc::new(Mutex::new(queued));
    for _ in 0..RESULTS_AT_ONCE {
        let (queued, moved, send) = (Arc::clone(&queued), Arc::clone(moved), send.clone());
        threads.spawn(move || {
            while let Some((stage, record)) = next(&queued) {
                // The run waits for the message, so it must come even after a panic.
                let pushed = catch_unwind(AssertUnwindSafe(|| push(remote, shared, &record, &moved, &send)))
                    .unwrap_or_else(|panic| Err(Trouble::Here(Failure::panicked(&*panic).message)));
                // An error means that the run is over.
                let _ = send.send(Message::Pushed(stage, pushed));
            }
        });
    }
    queue
}

fn next(queued: &Mutex<Receiver<(usize, ActionRecord)>>) -> Option<(usize, ActionRecord)> {
    queued.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn push(
    remote: &Remote,
    shared: &Shared<'_>,
    record: &ActionRecord,
    moved: &Moved,
    send: &Sender<Message>,
) -> Answer<Pushed> {
    let is_stopped = || shared.stopped.load(Ordering::SeqCst);
    if is_stopped() {
        return Err(Trouble::Stopped);
    }
    remote.push(shared.store, record, Existing::Keep, &|bytes| {
        let done = moved.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let total = moved.total.load(Ordering::Relaxed);
        let _ = send.send(Message::Pushing(done.min(total), total));
        !is_stopped()
    })
}
