//! Shows the results of stages that are done: at once, or, where that takes long, in threads, so that it delays
//! no event and no other stage.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::Sender,
    thread::Scope,
};

use crate::engine::{
    run::{
        attempt::{Done, Message, Shown},
        run_loop::Run,
        states::State,
    },
    tell::show::Show,
};
use crate::protocol::Failure;

/// How many threads show results.
const AT_ONCE: usize = 4;

impl<'a> Run<'a, '_> {
    /// Shows a result, or has it shown.
    pub(super) fn finish(&mut self, stage: usize, done: Done) {
        if Show::takes_long(&done.record) {
            self.states.set(stage, State::Showing);
            return self.to_show.push_back((stage, done));
        }
        self.shown(show(self.show, stage, done));
    }

    /// Starts threads for results that wait to be shown.
    pub(super) fn show_results<'scope>(&mut self, threads: &'scope Scope<'scope, 'a>, send: &Sender<Message>)
    where
        'a: 'scope,
    {
        while self.showing < AT_ONCE
            && let Some((stage, done)) = self.to_show.pop_front()
        {
            self.showing += 1;
            let (folders, send) = (self.show, send.clone());
            threads.spawn(move || {
                // An error means that the run is over.
                let _ = send.send(Message::Shown(Box::new(show(folders, stage, done))));
            });
        }
    }
}

/// Whatever happens, the run hears of it.
fn show(folders: &Show<'_>, stage: usize, done: Done) -> Shown {
    let mut warnings = Vec::new();
    let shown = catch_unwind(AssertUnwindSafe(|| folders.stage(stage, &done.record, &mut warnings)));
    let folder = shown.unwrap_or_else(|panic| {
        warnings.push(Failure::panicked(&*panic).message);
        None
    });
    Shown { stage, done, folder, warnings }
}
