//! A job that a run waits for, and what people know of it. Plain data.

use std::time::Instant;

use super::{events::Reader, folder::JobFolder};
use crate::{engine::tell::job::JobState, slurm::JobId};

/// A job that is waited for.
pub(super) struct Following {
    pub(super) id: JobId,
    pub(super) began: Instant,
    pub(super) events: Reader,
    /// What people were told of it last.
    pub(super) told: Option<JobState>,
    /// Since when Slurm says that it is over, or does not know it.
    pub(super) gone: Option<Instant>,
}

impl Following {
    pub(super) fn new(id: JobId, folder: &JobFolder) -> Self {
        Self { id, began: Instant::now(), events: Reader::of(folder.events()), told: None, gone: None }
    }
}
