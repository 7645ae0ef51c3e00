//! Pushes results to the remote store in a thread, while the next stages run.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::Ordering,
        mpsc::{Sender, channel},
    },
    thread::Scope,
};

use crate::{
    engine::run::attempt::{Message, Shared},
    protocol::Failure,
    remote::Trouble,
    store::{ActionRecord, Existing},
};

/// A thread that pushes results, one after the other. It ends when this is dropped.
pub(super) struct Pushing {
    queue: Sender<(usize, ActionRecord)>,
    /// How many results are queued or being pushed.
    pub(super) open: usize,
    /// Stages whose results the remote has now.
    pub(super) done: Vec<usize>,
    /// Why some results could not be pushed.
    pub(super) failed: Vec<Trouble>,
}

impl Pushing {
    /// Starts the thread. It sends `Message::Pushed` for each result. `None` if nothing is to be pushed.
    pub(super) fn start<'s, 'a: 's>(
        threads: &'s Scope<'s, 'a>,
        shared: &'a Shared<'a>,
        send: Sender<Message>,
    ) -> Option<Self> {
        let remote = shared.remote.filter(|remote| remote.settings().push)?;
        let (queue, queued) = channel::<(usize, ActionRecord)>();
        threads.spawn(move || {
            for (stage, record) in queued {
                let report = |progress: crate::store::Progress| {
                    let _ = send.send(Message::Pushing(progress.done, progress.total));
                    !shared.stopped.load(Ordering::SeqCst)
                };
                let pushed = match shared.stopped.load(Ordering::SeqCst) {
                    true => Err(Trouble::Stopped),
                    false => catch_unwind(AssertUnwindSafe(|| {
                        remote.push(shared.store, &record, Existing::Keep, &report)
                    }))
                    // The run waits for the message, so it must come even after a panic.
                    .unwrap_or_else(|panic| Err(Trouble::Here(Failure::panicked(&*panic).message))),
                };
                // An error means that the run is over.
                let _ = send.send(Message::Pushed(stage, pushed));
            }
        });
        Some(Self { queue, open: 0, done: Vec::new(), failed: Vec::new() })
    }

    /// Queues the result of a stage.
    pub(super) fn push(&mut self, stage: usize, record: ActionRecord) {
        self.open += 1;
        // The thread ends only when this is dropped.
        let _ = self.queue.send((stage, record));
    }
}
