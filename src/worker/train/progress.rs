//! Tells how far a training is: images of training and validation, over all its epochs.

use std::cell::Cell;

use pcamflow::serve::Reporter;

use super::Data;

/// Counts images, and passes the count on.
pub(super) struct Progress<'a> {
    reporter: &'a dyn Reporter,
    done: Cell<u64>,
    total: u64,
    last_epoch: u32,
}

impl<'a> Progress<'a> {
    /// Of a training whose first `epoch` epochs are done.
    pub(super) fn new(reporter: &'a dyn Reporter, epoch: u32, last_epoch: u32, data: &Data<'_>) -> Self {
        let images = (data.train.len() + data.validation.len()) as u64;
        let done = Cell::new(u64::from(epoch) * images);
        Self { reporter, done, total: u64::from(last_epoch) * images, last_epoch }
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
