//! Reports the progress of a training: images of training and validation, over all epochs.

use std::cell::Cell;

use pcamflow::serve::Reporter;

use super::{
    State,
    plan::{Data, Plan},
};

/// Counts images and reports the count.
pub(super) struct Progress<'a> {
    reporter: &'a dyn Reporter,
    done: Cell<u64>,
    total: u64,
    last_epoch: u32,
}

impl<'a> Progress<'a> {
    /// The progress of a training that goes on from a state.
    pub(super) fn new(reporter: &'a dyn Reporter, state: &State, plan: &Plan, data: &Data<'_>) -> Self {
        let images = (data.train.len() + data.validation.len()) as u64;
        let until = |epoch: u32| u64::from(epoch.saturating_sub(state.first_epoch())) * images;
        let (done, total) = (Cell::new(until(state.epoch)), until(plan.last_epoch));
        Self { reporter, done, total, last_epoch: plan.last_epoch }
    }

    /// Adds images that were learnt from, with their mean loss.
    pub(super) fn learnt(&self, epoch: u32, images: usize, loss: Option<f64>) {
        let loss = loss.map_or(String::new(), |loss| format!(", loss {loss:.3}"));
        self.add(images, &format!("epoch {epoch}/{}{loss}", self.last_epoch));
    }

    /// Adds images that were validated on.
    pub(super) fn validated(&self, epoch: u32, images: usize) {
        self.add(images, &format!("epoch {epoch}/{}, validation", self.last_epoch));
    }

    fn add(&self, images: usize, at: &str) {
        self.done.set(self.done.get() + images as u64);
        self.reporter.progress(self.done.get(), self.total, "images", at);
    }
}
