//! Where a stage is: which of its files, and how far.

use crate::serve::Reporter;

/// Which file it is.
pub(super) struct At<'a> {
    pub(super) reporter: &'a dyn Reporter,
    /// `train-x (1 of 9)`.
    pub(super) file: String,
}

impl At<'_> {
    /// Bytes have arrived, of a file whose size may be known.
    pub(super) fn arrived(&self, done: u64, total: Option<u64>) {
        // A whole file is not the end of the stage.
        let total = total.filter(|total| *total >= done).unwrap_or(0);
        self.reporter.progress(done, total, "bytes", &self.file);
    }

    /// Bytes that were here already have been read.
    pub(super) fn read(&self, done: u64, total: u64) {
        self.reporter.progress(
            done,
            total.max(done),
            "bytes",
            &format!("{}, reading what is here", self.file),
        );
    }
}
