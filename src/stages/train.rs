//! Stage kind `train`: a classifier from its initialisation.

mod augmentation;
mod class_weights;
mod optimizer;
mod schedule;

pub use augmentation::Augmentation;
pub use class_weights::ClassWeights;
pub use optimizer::{Adam, AdamW, Optimizer, Sgd};
pub use schedule::{Constant, Cosine, OneCycle, Schedule, StepDecay};

use super::{
    Appetite, Artifact, ArtifactType, Check, DEFAULT_SEED, Equality, Input, Model, RunSettings, Runner,
    Stage, TrainingData, artifact,
    declare::{parameters, settings},
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
        /// How the learning rate goes along.
        semantic schedule: Schedule = Schedule::Constant(Constant::default());
        /// Shortens gradients whose norm is larger than this.
        semantic clip_gradients: Option<ClipGradients> = None;
        /// How much a patch of each class counts in the training loss, which is then the mean over a
        /// batch's n patches of w_y times the cross entropy (`BCEWithLogitsLoss(weight=...)`: divided by n,
        /// not by the sum of the weights). The validation loss, which decides what is best, counts every
        /// patch alike, so that trainings compare, and agrees with what `evaluate` measures.
        semantic class_weights: Option<ClassWeights> = None;
        /// Seeded changes of the training patches that keep the centre box on the centre.
        semantic augmentation: Augmentation = Augmentation::default();
        /// Stops when the validation loss has not improved for some epochs.
        semantic early_stopping: Option<EarlyStopping> = None;
        /// Whether each epoch sees the patches in another order; else in row order.
        semantic shuffle: bool = true;
        /// Seeds the initialisation, the shuffle and the augmentation.
        inherited seed: u64 = DEFAULT_SEED;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

settings! {
    /// `torch.nn.utils.clip_grad_norm_`.
    pub struct ClipGradients {
        /// The largest norm of all gradients together (Euclidean).
        norm: f64;
    }
}

settings! {
    /// When to stop before the last epoch.
    pub struct EarlyStopping {
        /// Epochs without a strictly smaller validation loss.
        patience: u32 = 5;
    }
}

/// Products of a step, forwards, below which one thread is as fast as two, and much faster where other
/// programs want the cores as well.
const SMALL_STEP: u64 = 100_000_000;

impl Stage for Train {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::All;
    const EQUALITY: Equality = Equality::Realisation;

    /// Threads that share a small step wait for each other longer than they compute.
    fn appetite(&self) -> Appetite {
        let step = u64::from(self.batch_size).saturating_mul(self.architecture.products());
        if step < SMALL_STEP { Appetite::One } else { Self::APPETITE }
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = training_inputs("data", &self.data);
        inputs.extend(self.weights.as_ref().map(|model| model_input("weights", "weights", model)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        training_artifacts()
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("epochs", self.epochs, 1);
        check.at_least("batch-size", self.batch_size, 1);
        self.architecture.check(check);
        self.optimizer.check(check);
        self.schedule.check(&self.optimizer, check);
        self.augmentation.check(check);
        if let Some(clip) = &self.clip_gradients {
            check.positive("clip-gradients.norm", clip.norm);
        }
        if let Some(weights) = &self.class_weights {
            weights.check(check);
        }
        if let Some(stopping) = &self.early_stopping {
            stopping.check(check);
        }
    }

    fn run_settings(&self) -> &RunSettings {
        &self.run
    }
}

/// What every training writes.
pub(super) fn training_artifacts() -> Vec<Artifact> {
    vec![
        artifact("model", "model.safetensors", ArtifactType::Model),
        artifact("checkpoint", "checkpoint.safetensors", ArtifactType::Checkpoint),
        artifact("history", "history.json", ArtifactType::Numbers),
        artifact("curves", "curves.png", ArtifactType::Picture),
        artifact("curves-svg", "curves.svg", ArtifactType::Picture),
    ]
}

impl EarlyStopping {
    pub(super) fn check(&self, check: &mut Check<'_>) {
        check.at_least("early-stopping.patience", self.patience, 1);
    }
}
