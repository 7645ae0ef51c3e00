//! Stage kind `train`: a classifier from its initialisation.

use super::{
    Appetite, Artifact, ArtifactType, Check, DEFAULT_SEED, Equality, Input, Model, RunSettings, Runner,
    Stage, TrainingData, artifact,
    declare::{choice, parameters, settings},
    model_input, training_inputs,
};

pub use super::architecture::{Architecture, ClassCnn};

parameters! {
    /// Trains a network by minimising binary cross entropy on the logit.
    pub struct Train {
        /// A split, or files: what to learn from, and what decides which epoch is best.
        input data: TrainingData;
        /// Weights to start from, instead of the seeded initialisation.
        input weights: Option<Model> = None;
        /// The network.
        semantic architecture: Architecture = Architecture::ClassCnn(ClassCnn::default());
        /// Passes over the training patches.
        semantic epochs: u32;
        /// Patches per optimiser step; the last batch of an epoch may be smaller.
        semantic batch_size: u32 = 64;
        /// The optimiser.
        semantic optimizer: Optimizer = Optimizer::Adam(Adam::default());
        /// Stops when the validation loss has not improved for some epochs.
        semantic early_stopping: Option<EarlyStopping> = None;
        /// Whether each epoch sees the patches in another order; else in row order.
        semantic shuffle: bool = true;
        /// Seeds the initialisation and the shuffle.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

choice! {
    /// The optimisers, under PyTorch's names and defaults.
    pub enum Optimizer {
        /// Adam (Kingma & Ba 2015).
        Adam(Adam) = "adam",
        /// Stochastic gradient descent.
        Sgd(Sgd) = "sgd",
    }
}

settings! {
    /// `torch.optim.Adam`.
    pub struct Adam {
        /// Step size.
        learning_rate: f64 = 1e-3;
        /// Decay of the first moment.
        beta1: f64 = 0.9;
        /// Decay of the second moment.
        beta2: f64 = 0.999;
        /// Added to the root of the second moment.
        epsilon: f64 = 1e-8;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = 0.0;
    }
}

settings! {
    /// `torch.optim.SGD`.
    pub struct Sgd {
        /// Step size.
        learning_rate: f64 = 1e-2;
        /// Share of the last step that is kept.
        momentum: f64 = 0.0;
        /// Nesterov's variant of momentum.
        nesterov: bool = false;
        /// L2 penalty, added to the gradient.
        weight_decay: f64 = 0.0;
    }
}

settings! {
    /// When to stop before the last epoch.
    pub struct EarlyStopping {
        /// Epochs without a strictly smaller validation loss.
        patience: u32 = 5;
    }
}

impl Stage for Train {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::All;
    const EQUALITY: Equality = Equality::Realisation;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = training_inputs("data", &self.data);
        inputs.extend(self.weights.as_ref().map(|model| model_input("weights", "weights", model)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        vec![
            artifact("model", "model.safetensors", ArtifactType::Model),
            artifact("checkpoint", "checkpoint.safetensors", ArtifactType::Checkpoint),
            artifact("history", "history.json", ArtifactType::Numbers),
            artifact("curves", "curves.png", ArtifactType::Picture),
            artifact("curves-svg", "curves.svg", ArtifactType::Picture),
        ]
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("epochs", self.epochs, 1);
        check.at_least("batch-size", self.batch_size, 1);
        self.architecture.check(check);
        self.optimizer.check(check);
        if let Some(stopping) = &self.early_stopping {
            check.at_least("early-stopping.patience", stopping.patience, 1);
        }
    }

    fn run_settings(&self) -> &RunSettings {
        &self.run
    }
}

impl Optimizer {
    fn check(&self, check: &mut Check<'_>) {
        match self {
            Self::Adam(adam) => {
                check.positive("optimizer.adam.learning-rate", adam.learning_rate);
                check.within("optimizer.adam.beta1", adam.beta1, 0.0, 1.0 - f64::EPSILON);
                check.within("optimizer.adam.beta2", adam.beta2, 0.0, 1.0 - f64::EPSILON);
                check.positive("optimizer.adam.epsilon", adam.epsilon);
                check.within("optimizer.adam.weight-decay", adam.weight_decay, 0.0, 1e6);
            }
            Self::Sgd(sgd) => {
                check.positive("optimizer.sgd.learning-rate", sgd.learning_rate);
                check.within("optimizer.sgd.momentum", sgd.momentum, 0.0, 1.0);
                check.within("optimizer.sgd.weight-decay", sgd.weight_decay, 0.0, 1e6);
                let usable = !sgd.nesterov || sgd.momentum > 0.0;
                check.require(usable, "optimizer.sgd.nesterov", "`nesterov` needs a `momentum` above 0");
            }
        }
    }
}
