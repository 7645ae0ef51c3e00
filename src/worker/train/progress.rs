//! Tells how far a training is: images of training and validation, over all its epochs.

use std::cell::Cell;

use pcamflow::serve::Reporter;

use super::plan::{Data, Plan};

/// Counts images, and passes the count on.
pub(super) struct Progress<'a> {
    reporter: &'a dyn Reporter,
    done: Cell<u64>,
    total: u64,
    last_epoch: u32,
}

impl<'a> Progress<'a> {
    /// Of a training whose first `epoch` epochs are done.
    pub(super) fn new(reporter: &'a dyn Reporter, epoch: u32, plan: &Plan, data: &Data<'_>) -> Self {
        let images = (data.train.len() + data.validation.len()) as u64;
        let until = |epoch: u32| u64::from(epoch.saturating_sub(plan.first_epoch)) * images;
        let (done, total) = (Cell::new(until(epoch)), until(plan.last_epoch));
        Self { reporter, done, total, last_epoch: plan.last_epoch }
    }

    /// So many images more were learnt from, with that mean loss.
    pub(super) fn learnt(&self, epoch: u32, images: usize, loss: Option<f64>) {
        let loss = loss.map_or(String::new(), |loss| format!(", loss {loss:.3}"));
        self.tell(images, &format!("epoch {epoch}/{}{loss}", self.last_epoch));
    }

    /// So many images more were validated on.
    pub(super) fn validated(&self, epoch: u32, images: usize) {
        self.tell(images, &format!("epoch {epoch}/{}, validation", self.last_epoch));
    }

    fn tell(&self, images: usize, at: &str) {
        self.done.set(self.done.get() + images as u64);
        self.reporter.progress(self.done.get(), self.total, "images", at);
    }
}
