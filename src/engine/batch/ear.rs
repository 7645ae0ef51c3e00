//! Who hears of a job while a run waits for it.

use crate::engine::{exec::Listener, tell::job::JobState};

/// Hears the stage's progress and warnings, and the state of its job.
pub(in crate::engine) trait Ear: Listener {
    /// The job's state has changed.
    fn job(&self, state: JobState);
    /// Another run is computing the same key.
    fn waiting(&self, holder: String);
}
