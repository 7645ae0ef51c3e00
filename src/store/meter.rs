//! Reports the progress of a long operation.

use std::sync::atomic::{AtomicU64, Ordering};

/// The progress of a long operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes hashed or files removed so far.
    pub done: u64,
    /// Bytes or files in all, without those that need no work.
    pub total: u64,
}

/// Counts what several threads have done.
pub(super) struct Meter<'a> {
    done: AtomicU64,
    total: u64,
    report: &'a (dyn Fn(Progress) + Sync),
}

impl<'a> Meter<'a> {
    pub(super) fn new(total: u64, report: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self { done: AtomicU64::new(0), total, report }
    }

    pub(super) fn add(&self, amount: u64) {
        let done = self.done.fetch_add(amount, Ordering::Relaxed) + amount;
        (self.report)(Progress { done, total: self.total });
    }
}
