//! Stages whose keys other runs have locked: they wait without cores or a GPU, and are tried again.

use crate::engine::{
    run::{run_loop::Run, states::State},
    tell::event::Event,
};
use crate::{
    place::owner,
    protocol::Failure,
    store::{KeyLock, TryKey},
};

impl Run<'_, '_, '_> {
    /// Locks the key of a queued stage; `None` if another run holds the lock, or it fails.
    pub(super) fn lock(&mut self, stage: usize) -> Option<KeyLock> {
        let State::Queued(run) = &self.states[stage] else { return None };
        let key = run.fingerprint.key();
        match self.shared.store.try_lock(&key, &owner()) {
            Ok(TryKey::Acquired(lock)) => return Some(lock),
            Ok(TryKey::Held(by)) => {
                self.states.set(stage, State::Locked(key));
                self.report_waiting(stage, by);
            }
            Err(error) => self.fail(stage, Failure::environment(error).into()),
        }
        None
    }

    /// Decides again about stages whose keys other runs have unlocked: the result may exist now.
    pub(super) fn try_locked(&mut self) {
        for (stage, key) in self.states.locked() {
            match self.shared.store.try_lock(&key, &owner()) {
                Ok(TryKey::Held(by)) => self.report_waiting(stage, by),
                Ok(TryKey::Acquired(_)) | Err(_) => drop(self.states.set(stage, State::Waiting)),
            }
        }
    }

    /// Reports once which run a stage waits for. The name is still empty right after a run has taken the lock.
    pub(super) fn report_waiting(&mut self, stage: usize, holder: String) {
        if !holder.is_empty() && !std::mem::replace(&mut self.has_waited[stage], true) {
            self.observer.event(&Event::Waiting { stage: self.name(stage), holder });
        }
    }
}
