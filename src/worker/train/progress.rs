//! Reports the progress of a training: images of training and validation, over all epochs, and each epoch's end.

use std::cell::{Cell, RefCell};

use pcamflow::{metrics::Epoch, protocol::EpochEnd, serve::Reporter};

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
    /// The validation of the last epoch, in a few words; empty before the first.
    validation: RefCell<String>,
}

impl<'a> Progress<'a> {
    /// The progress of a training that goes on from a state.
    pub(super) fn new(reporter: &'a dyn Reporter, state: &State, plan: &Plan, data: &Data<'_>) -> Self {
        let images = (data.train.len() + data.validation.len()) as u64;
        let until = |epoch: u32| u64::from(epoch.saturating_sub(state.first_epoch())) * images;
        let (done, total) = (Cell::new(until(state.epoch)), until(plan.last_epoch));
        let validation = RefCell::new(state.history.epochs.last().map(validation).unwrap_or_default());
        Self { reporter, done, total, last_epoch: plan.last_epoch, validation }
    }

    /// Adds images that were learnt from, with their mean loss. What an epoch has reached says more than the loss
    /// of a batch, so it comes first.
    pub(super) fn learnt(&self, epoch: u32, images: usize, loss: Option<f32>) {
        let loss = loss.map_or(String::new(), |loss| format!(", loss {loss:.3}"));
        self.add(images, &format!("epoch {epoch}/{}{}{loss}", self.last_epoch, self.validation.borrow()));
    }

    /// Adds images that were validated on.
    pub(super) fn validated(&self, epoch: u32, images: usize) {
        let validation = self.validation.borrow();
        self.add(images, &format!("epoch {epoch}/{}{validation}, validating", self.last_epoch));
    }

    /// The last epoch of a state has ended; its steps had these losses.
    pub(super) fn ended(&self, state: &State, losses: Vec<f32>) {
        let (Some(last), Some(best)) = (state.history.epochs.last(), &state.best) else { return };
        self.validation.replace(validation(last));
        let end = EpochEnd {
            epoch: last.epoch,
            of: self.last_epoch,
            train_loss: last.train_loss,
            train_accuracy: last.train_accuracy,
            validation_loss: last.validation_loss,
            validation_accuracy: last.validation_accuracy,
            best: best.epoch,
            best_loss: best.validation_loss,
        };
        self.reporter.epoch(end, losses);
    }

    fn add(&self, images: usize, at: &str) {
        self.done.set(self.done.get() + images as u64);
        self.reporter.progress(self.done.get(), self.total, "images", at);
    }
}

/// `, val 0.355 84.1%`: short, because the line that shows it is.
fn validation(epoch: &Epoch) -> String {
    format!(", val {:.3} {:.1}%", epoch.validation_loss, epoch.validation_accuracy * 100.0)
}
