//! What a run does when results were pushed, or were not; and its last pushes.

use crate::{
    engine::{plan::ask::tell, run::run_loop::Run, tell::event::Event},
    remote::{Answer, Pushed},
};

impl Run<'_, '_, '_> {
    /// The result of a stage was pushed, or was not.
    pub(super) fn pushed(&mut self, stage: usize, pushed: Answer<Pushed>) {
        let Some(pushing) = &mut self.pushing else { return };
        pushing.open -= 1;
        match pushed {
            Ok(Pushed::New | Pushed::There) => pushing.done.push(stage),
            Ok(Pushed::Incomplete) => {}
            Ok(Pushed::Other) => self.warn(
                stage,
                "the remote store has another result of this key, which stays: others use that one (`pcamflow push \
                 --replace` pushes this one)"
                    .to_owned(),
            ),
            Err(trouble) => pushing.failed.push(trouble),
        }
    }

    /// Ends the pushing: with the results that others need in order to find the new ones, and with the bundle.
    pub(super) fn end_pushing(&mut self) {
        let Some((remote, mut pushing)) = self.shared.remote.zip(self.pushing.take()) else { return };
        if !self.is_stopped() && !pushing.done.is_empty() {
            let stopped = self.shared.stopped;
            let (done, keys) = (&pushing.done, &self.keys);
            let rest = self.engine.push_rest(self.planner, remote, done, keys, stopped, &mut *self.observer);
            pushing.failed.extend(rest.err());
        }
        tell(remote, &mut *self.observer);
        if pushing.open > 0 || !pushing.failed.is_empty() {
            // A trouble that lasts is a warning of its own.
            let why = pushing.failed.iter().find(|trouble| !trouble.lasts());
            let why = why.map(|trouble| format!(" ({trouble})")).unwrap_or_default();
            let text =
                format!("not all results were pushed{why}: `{}` does it later", self.engine.push_command());
            self.observer.event(&Event::Warning { stage: None, text });
        }
    }
}
