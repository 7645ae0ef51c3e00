//! Shows results from the store in a thread, if that may take long, so that it delays no event and no other stage.
//!
//! Stages that were computed are shown by their attempts.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Sender, channel},
    thread::Scope,
};

use crate::{
    engine::run::attempt::{Done, Message, Shared},
    protocol::Failure,
    store::{ActionRecord, StoredArtifact},
};

/// Whether showing a result may take seconds: a folder can have tens of thousands of files.
pub(super) fn takes_long(record: &ActionRecord) -> bool {
    record.artifacts.values().any(StoredArtifact::is_folder)
}

/// A thread that shows results, one after the other. It ends when this is dropped.
pub(super) struct Showing(Sender<(usize, ActionRecord)>);

impl Showing {
    /// Starts the thread. It sends `Message::Done` for each result.
    pub(super) fn start<'s, 'a: 's>(
        threads: &'s Scope<'s, 'a>,
        shared: &'a Shared<'a>,
        send: Sender<Message>,
    ) -> Self {
        let (queue, queued) = channel::<(usize, ActionRecord)>();
        threads.spawn(move || {
            for (stage, record) in queued {
                // An error means that the run is over.
                let _ = send.send(Message::Done(stage, Ok(Box::new(show(shared, &send, stage, record)))));
            }
        });
        Self(queue)
    }

    /// Queues the result of a stage.
    pub(super) fn show(&self, stage: usize, record: ActionRecord) {
        // The thread ends only when this is dropped.
        let _ = self.0.send((stage, record));
    }
}

/// The run waits for the message, so a panic is a warning: the result is in the store.
fn show(shared: &Shared<'_>, send: &Sender<Message>, stage: usize, record: ActionRecord) -> Done {
    let mut warn = |text| {
        let _ = send.send(Message::Warning(stage, text));
    };
    let shown = catch_unwind(AssertUnwindSafe(|| shared.show.stage(stage, &record, &mut warn)));
    let folder = shown.unwrap_or_else(|panic| {
        warn(Failure::panicked(&*panic).message);
        None
    });
    Done { record, hit: true, folder }
}
