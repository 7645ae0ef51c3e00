//! The complete state of a training at the end of an epoch.

use anyhow::{Context as _, Result};
use pcamflow::{
    metrics::{Epoch, History},
    stages::resume_train::Start,
};
use tch::Device;

use super::Recipe;
use crate::{
    model::{Network, Source},
    optim::Optimizer,
    tensors::{Named, copy_all},
};

/// A training between two epochs.
#[derive(Debug)]
pub(crate) struct State {
    /// How it is trained.
    pub(crate) recipe: Recipe,
    /// The weights of the last epoch.
    pub(crate) network: Network,
    /// The optimiser of the last epoch.
    pub(crate) optimizer: Optimizer,
    /// The number of the last epoch; 0 before the first.
    pub(crate) epoch: u32,
    /// Epochs since the best one: patience counts them.
    pub(crate) epochs_since_best: u32,
    /// Every epoch so far.
    pub(crate) history: History,
    /// The epoch with the smallest validation loss.
    pub(crate) best: Option<Best>,
    /// The epochs after which other stages resumed the training, in order.
    pub(crate) resumed_after: Vec<u32>,
}

/// The epoch with the smallest validation loss, and copies of its tensors.
#[derive(Debug)]
pub(crate) struct Best {
    /// Its number.
    pub(crate) epoch: u32,
    /// Its validation loss.
    pub(crate) validation_loss: f64,
    /// The steps of the optimiser until then.
    pub(crate) steps: u64,
    /// Weights and running statistics.
    pub(crate) model: Named,
    /// The optimiser's tensors.
    pub(crate) optimizer: Named,
}

impl State {
    /// A new training.
    ///
    /// # Errors
    /// The start weights do not fit the architecture.
    pub(crate) fn new(recipe: Recipe, source: Source, device: Device) -> Result<Self> {
        let mut network = Network::new(&recipe.architecture, source, device)?;
        network.normalise(recipe.normalise.as_ref());
        let clip = recipe.clip_gradients.clone();
        Ok(Self {
            optimizer: Optimizer::new(&recipe.optimizer, clip, &network.parameters()),
            recipe,
            network,
            epoch: 0,
            epochs_since_best: 0,
            history: History::default(),
            best: None,
            resumed_after: Vec::new(),
        })
    }

    /// The epoch after which the current stage began.
    pub(crate) fn first_epoch(&self) -> u32 {
        self.resumed_after.last().copied().unwrap_or(0)
    }

    /// Makes this state the start of a further training. The best epoch so far still has to be beaten. The epochs
    /// since then are counted anew, or `continue_count`. With `Start::Best` everything after the best epoch is undone.
    ///
    /// # Errors
    /// There is no best epoch.
    pub(crate) fn resume(&mut self, start: Start, continue_count: bool) -> Result<()> {
        if start == Start::Best {
            let best = self.best.as_ref().context("the checkpoint has no best epoch to start from")?;
            copy_all(self.network.state(), &best.model)?;
            self.network.changed();
            self.optimizer.load(&best.optimizer, best.steps)?;
            self.epoch = best.epoch;
            self.history.epochs.retain(|epoch| epoch.epoch <= best.epoch);
        }
        if start == Start::Best || !continue_count {
            self.epochs_since_best = 0;
        }
        self.resumed_after.retain(|&epoch| epoch < self.epoch);
        self.resumed_after.push(self.epoch);
        Ok(())
    }

    /// Adds an epoch to the history. It is the best one if its validation loss is strictly smaller.
    pub(crate) fn close_epoch(&mut self, epoch: Epoch) {
        let better = self.best.as_ref().is_none_or(|best| epoch.validation_loss < best.validation_loss);
        self.epochs_since_best = if better { 0 } else { self.epochs_since_best + 1 };
        self.epoch = epoch.epoch;
        self.history.epochs.push(epoch);
        if better {
            self.best = Some(Best {
                epoch: epoch.epoch,
                validation_loss: epoch.validation_loss,
                steps: self.optimizer.steps(),
                model: copies(self.network.state()),
                optimizer: copies(self.optimizer.state()),
            });
        }
    }
}

fn copies(tensors: Named) -> Named {
    tensors.into_iter().map(|(name, tensor)| (name, tensor.copy())).collect()
}
