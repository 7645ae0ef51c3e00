//! Stages whose keys other runs have locked: they wait without a core or a GPU, and are looked at again.

use crate::engine::{
    run::{
        attempt::{Failed, environment, owner},
        run_loop::Run,
        states::State,
    },
    tell::event::Event,
};
use crate::store::{KeyLock, TryKey};

/// How many locked keys are looked at each time.
const LOOKS: usize = 16;

impl Run<'_, '_> {
    /// The lock of a queued stage's key; `None` where another run has it, or it cannot be had.
    pub(super) fn lock(&mut self, stage: usize) -> Option<KeyLock> {
        let State::Queued(run) = &self.states[stage] else { return None };
        let key = run.fingerprint.key();
        match self.shared.store.try_lock(&key, &owner()) {
            Ok(TryKey::Acquired(lock)) => return Some(lock),
            Ok(TryKey::Held(by)) => {
                self.states.set(stage, State::Locked(key));
                self.tell_to_wait(stage, by);
            }
            Err(error) => self.fail(stage, Failed::bare(environment(error))),
        }
        None
    }

    /// Decides again about locked stages whose keys other runs have given back: the result may be there.
    pub(super) fn look_at_locked(&mut self) {
        let mut first = None;
        for _ in 0..LOOKS {
            let Some((stage, key)) = self.states.next_locked().filter(|(stage, _)| first != Some(*stage))
            else {
                return;
            };
            first.get_or_insert(stage);
            match self.shared.store.try_lock(&key, &owner()) {
                Ok(TryKey::Held(by)) => self.tell_to_wait(stage, by),
                Ok(TryKey::Acquired(_)) | Err(_) => drop(self.states.set(stage, State::Waiting)),
            }
        }
    }

    /// Says once for whom a stage waits. Right after it took the lock a run has not said yet who it is.
    fn tell_to_wait(&mut self, stage: usize, holder: String) {
        if !holder.is_empty() && !std::mem::replace(&mut self.told_to_wait[stage], true) {
            self.observer.event(&Event::Waiting { stage: self.name(stage), holder });
        }
    }
}
