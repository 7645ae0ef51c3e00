//! Everything that a training is at the end of an epoch.

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
    /// The epochs after which the training was resumed by another stage, in order.
    pub(crate) resumed_after: Vec<u32>,
}

/// The epoch with the smallest validation loss, and copies of what it left.
#[derive(Debug)]
pub(crate) struct Best {
    /// Its number.
    pub(crate) epoch: u32,
    /// Its validation loss.
    pub(crate) validation_loss: f64,
    /// How many steps the optimiser had made.
    pub(crate) steps: u64,
    /// Weights and running statistics.
    pub(crate) model: Named,
    /// The optimiser's tensors.
    pub(crate) optimizer: Named,
}

impl State {
    /// A training that has not begun.
    ///
    /// # Errors
    /// Start weights that do not fit the architecture.
    pub(crate) fn new(recipe: Recipe, source: Source, device: Device) -> Result<Self> {
        let network = Network::new(&recipe.architecture, source, device)?;
        let optimizer = Optimizer::new(&recipe.optimizer, network.parameters());
        let optimizer = optimizer.clipping(recipe.clip_gradients.clone());
        let (history, resumed_after) = (History::default(), Vec::new());
        Ok(Self {
            recipe,
            network,
            optimizer,
            epoch: 0,
            epochs_since_best: 0,
            history,
            best: None,
            resumed_after,
        })
    }

    /// Makes it the beginning of a further training: patience counts anew, the best epoch stays the one
    /// to beat.
    ///
    /// # Errors
    /// There is no best epoch to start from.
    pub(crate) fn resume(&mut self, start: Start) -> Result<()> {
        match start {
            Start::Last => (),
            Start::Best => self.go_back()?,
        }
        self.epochs_since_best = 0;
        self.resumed_after.retain(|&epoch| epoch < self.epoch);
        self.resumed_after.push(self.epoch);
        Ok(())
    }

    /// Weights, optimiser and history as the best epoch left them: what came after never was.
    fn go_back(&mut self) -> Result<()> {
        let best = self.best.as_ref().context("a training of no epoch has no best one to start from")?;
        copy_all(self.network.state(), &best.model)?;
        self.optimizer.go_back(&best.optimizer, best.steps)?;
        self.epoch = best.epoch;
        self.history.epochs.retain(|epoch| epoch.epoch <= best.epoch);
        Ok(())
    }

    /// Enters an epoch into the history; the best one is kept. Strictly smaller is better.
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
