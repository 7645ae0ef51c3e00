//! One epoch: a pass that learns, and a pass that validates.

use anyhow::{Result, ensure};
use tch::{Device, Kind, Reduction, Tensor};

use super::{
    State,
    augment::Augmented,
    progress::Progress,
    schedule::{Place, rates},
    weighting,
};
use crate::{
    batches::{self, Batch, Patches},
    model::Mode,
    predict::predict,
};

/// Means over the images of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    /// The binary cross entropy; in learning, weighted by class.
    pub(super) loss: f64,
    /// The share of correct predictions. A patch is predicted as positive if p > 0.5.
    pub(super) accuracy: f64,
}

/// Makes one step of the optimiser per batch, in the order of the epoch. Also returns the loss of every step.
///
/// # Errors
/// The patches cannot be read, a class has no patches for balanced weights, or a loss is not finite.
pub(super) fn learn(
    state: &mut State,
    epoch: u32,
    patches: &dyn Patches,
    progress: &Progress<'_>,
) -> Result<(Means, Vec<f32>)> {
    let recipe = state.recipe.clone();
    let order = match recipe.shuffle {
        true => batches::shuffled(patches.len(), recipe.seed, epoch),
        false => (0..patches.len()).collect(),
    };
    let weights = weighting::of(recipe.class_weights.as_ref(), patches.labels())?;
    let augmentation = recipe.augmentation.as_ref();
    let augmented = augmentation.map(|settings| Augmented::new(patches, settings, recipe.seed, epoch));
    let patches = augmented.as_ref().map_or(patches, |augmented| augmented as &dyn Patches);
    let size = recipe.batch_size as usize;
    let mut place = Place { epochs: epoch - 1, step: 0, steps_per_epoch: order.len().div_ceil(size) };
    let mut tally = Tally::new(epoch, place.steps_per_epoch);
    batches::for_each(patches, &order, size, |batch| {
        if let Some(schedule) = &recipe.schedule {
            state.optimizer.set(rates(schedule, recipe.optimizer.learning_rate(), place));
        }
        tally.add(step(state, &batch, weights)?, batch.len())?;
        place.step += 1;
        progress.learnt(epoch, batch.len(), tally.losses.last().copied());
        Ok(())
    })?;
    state.network.changed();
    tally.finish()
}

/// Makes one step. Returns, on the device, the mean loss of the batch and the number of correct predictions
/// before the step.
pub(super) fn step(state: &mut State, batch: &Batch, class_weights: Option<[f64; 2]>) -> Result<Tensor> {
    let device = state.network.device();
    let (images, labels) = (batch.images(device), batch.labels(device));
    let weights = class_weights.map(|weights| weighting::of_each(&labels, weights));
    let loss_of = |logits: &Tensor| {
        logits.binary_cross_entropy_with_logits(&labels, weights.as_ref(), None, Reduction::Mean)
    };
    let (logits, loss) = match device {
        Device::Cpu => {
            let mut pass = state.network.learn(&images)?;
            let logits = pass.logits.shallow_clone();
            let gradients = pass.backward(&slope_of_loss(&logits, &labels, weights.as_ref()))?;
            state.optimizer.step_against(gradients);
            let loss = loss_of(&logits);
            (logits, loss)
        }
        Device::Cuda(_) | Device::Mps | Device::Vulkan => {
            let logits = state.network.plain(&images, Mode::Training);
            let loss = loss_of(&logits);
            state.optimizer.step(&loss);
            (logits.detach(), loss.detach())
        }
    };
    let right = logits.gt(0.0).eq_tensor(&labels.gt(0.5)).sum(Kind::Float);
    Ok(Tensor::stack(&[loss, right], 0))
}

/// The gradient of the mean binary cross entropy by the logits: (p - y) w / N.
fn slope_of_loss(logits: &Tensor, labels: &Tensor, weights: Option<&Tensor>) -> Tensor {
    let slope = (logits.sigmoid() - labels) / labels.numel() as f64;
    match weights {
        Some(weights) => slope * weights,
        None => slope,
    }
}

/// Sums over batches. The numbers of a batch are read after the next batch has started, so a GPU never waits.
struct Tally {
    epoch: u32,
    batches: usize,
    pending: Option<(Tensor, usize)>,
    read: usize,
    images: usize,
    loss: f64,
    right: f64,
    /// Of the steps so far.
    losses: Vec<f32>,
}

impl Tally {
    fn new(epoch: u32, batches: usize) -> Self {
        Self { epoch, batches, pending: None, read: 0, images: 0, loss: 0.0, right: 0.0, losses: Vec::new() }
    }

    fn add(&mut self, numbers: Tensor, images: usize) -> Result<()> {
        let before = self.pending.replace((numbers, images));
        before.map_or(Ok(()), |(numbers, images)| self.read(&numbers, images))
    }

    fn read(&mut self, numbers: &Tensor, images: usize) -> Result<()> {
        self.read += 1;
        let loss = numbers.double_value(&[0]);
        ensure!(
            loss.is_finite(),
            "the training loss is {loss} in epoch {}, batch {} of {}: a smaller `learning-rate` may help",
            self.epoch,
            self.read,
            self.batches
        );
        self.losses.push(loss as f32);
        self.images += images;
        self.loss += loss * images as f64;
        self.right += numbers.double_value(&[1]);
        Ok(())
    }

    fn finish(mut self) -> Result<(Means, Vec<f32>)> {
        if let Some((numbers, images)) = self.pending.take() {
            self.read(&numbers, images)?;
        }
        let images = self.images.max(1) as f64;
        Ok((Means { loss: self.loss / images, accuracy: self.right / images }, self.losses))
    }
}

/// Loss and accuracy of the current weights. Batches have the size of the training: settings of inference must
/// not decide which epoch is best.
///
/// # Errors
/// The patches cannot be read, or the loss is not finite.
pub(super) fn validate(
    state: &State,
    epoch: u32,
    patches: &dyn Patches,
    progress: &Progress<'_>,
) -> Result<Means> {
    let positions: Vec<usize> = (0..patches.len()).collect();
    let batch = state.recipe.batch_size as usize;
    let report = |images| progress.validated(epoch, images);
    let logits = predict(&state.network, patches, &positions, batch, report)?;
    let means = means(&logits, patches.labels());
    ensure!(
        means.loss.is_finite(),
        "the validation loss is {} after epoch {epoch}: a smaller `learning-rate` may help",
        means.loss
    );
    Ok(means)
}

fn means(logits: &[f32], labels: &[u8]) -> Means {
    let each = || logits.iter().map(|&logit| f64::from(logit)).zip(labels.iter().map(|&label| label == 1));
    let right = each().filter(|&(logit, positive)| (logit > 0.0) == positive).count();
    let loss: f64 = each().map(|(logit, positive)| cross_entropy(logit, positive)).sum();
    let images = logits.len().max(1) as f64;
    Means { loss: loss / images, accuracy: right as f64 / images }
}

/// -ln of the probability of the label: max(z, 0) - z y + ln(1 + exp(-|z|)).
fn cross_entropy(logit: f64, positive: bool) -> f64 {
    let of_label = if positive { logit } else { 0.0 };
    logit.max(0.0) - of_label + (-logit.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_is_the_textbooks_and_does_not_overflow() {
        for (logit, positive) in [(0.3f64, true), (-2.0, true), (1.5, false), (0.0, false)] {
            let p = 1.0 / (1.0 + (-logit).exp());
            let textbook = if positive { -p.ln() } else { -(1.0 - p).ln() };
            assert!((cross_entropy(logit, positive) - textbook).abs() < 1e-15);
        }
        assert_eq!(cross_entropy(1000.0, false), 1000.0);
        assert_eq!(cross_entropy(-1000.0, false), 0.0);
    }

    #[test]
    fn the_positive_are_those_above_one_half() {
        let means = means(&[0.1, 0.0, -3.0, 2.0], &[1, 0, 0, 0]);
        assert_eq!(means.accuracy, 0.75);
    }

    #[test]
    fn a_loss_that_is_not_finite_names_epoch_and_batch() {
        let mut tally = Tally::new(3, 7);
        let numbers = |loss: f32| Tensor::from_slice(&[loss, 1.0]);
        tally.add(numbers(0.5), 2).unwrap();
        tally.add(numbers(f32::NAN), 2).unwrap();
        let error = tally.add(numbers(0.5), 2).unwrap_err().to_string();
        assert!(error.starts_with("the training loss is NaN in epoch 3, batch 2 of 7"), "{error}");
    }

    #[test]
    fn a_smaller_last_batch_counts_by_its_images() {
        let mut tally = Tally::new(1, 2);
        tally.add(Tensor::from_slice(&[1.0f32, 2.0]), 3).unwrap();
        tally.add(Tensor::from_slice(&[5.0f32, 1.0]), 1).unwrap();
        let (means, losses) = tally.finish().unwrap();
        assert_eq!((means.loss, means.accuracy), (2.0, 0.75));
        assert_eq!(losses, [1.0, 5.0]);
    }
}
