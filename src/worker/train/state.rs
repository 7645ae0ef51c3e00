//! Everything that a training is at the end of an epoch.

use anyhow::Result;
use pcamflow::metrics::{Epoch, History};
use tch::Device;

use super::Recipe;
use crate::{
    model::{Network, Source},
    optim::Optimizer,
    tensors::Named,
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
        let history = History::default();
        Ok(Self { recipe, network, optimizer, epoch: 0, epochs_since_best: 0, history, best: None })
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
