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
    Appetite, Artifact, ArtifactType, Check, DEFAULT_SEED, Equality, Input, Model, Normalise, Precision,
    RunSettings, Runner, Stage, TrainingData, artifact,
    declare::{parameters, settings},
    model_input, training_inputs,
};

pub use super::architecture::{Architecture, ClassCnn};

parameters! {
    /// Trains a network by minimising the binary cross entropy of the logit.
    pub struct Train {
        /// A split, or files: what to learn from, and what decides which epoch is best.
        input data: TrainingData;
        /// Weights to start from, instead of the seeded initialisation.
        input weights: Option<Model> = None;
        /// Whether the last linear layer starts from the seeded initialisation where `weights` lacks its tensors or has
        /// other shapes, such as those of 1,000 classes. All other tensors must fit exactly.
        semantic replace_head: bool = false;
        /// The network.
        semantic architecture: Architecture = Architecture::ClassCnn(ClassCnn::default());
        /// Passes over the training patches.
        semantic epochs: u32;
        /// Patches per optimiser step; the last batch of an epoch may be smaller.
        semantic batch_size: u32 = 64;
        /// The optimiser.
        semantic optimizer: Optimizer = Optimizer::Adam(Adam::default());
        /// How the learning rate changes.
        semantic schedule: Schedule = Schedule::Constant(Constant::default());
        /// Scales gradients down to this norm if it is larger.
        semantic clip_gradients: Option<ClipGradients> = None;
        /// The weight of each class in the training loss: the mean over the n patches of a batch of w_y times the
        /// cross entropy (`BCEWithLogitsLoss(weight=...)`: divided by n, not by the sum of the weights). The
        /// validation loss, which decides which epoch is best, is not weighted: it can be compared between trainings
        /// and equals the loss of `evaluate`.
        semantic class_weights: Option<ClassWeights> = None;
        /// Random changes of the training patches, by seed, that keep the centre box in the centre.
        semantic augmentation: Augmentation = Augmentation::default();
        /// Stops when the validation loss has not improved for some epochs.
        semantic early_stopping: Option<EarlyStopping> = None;
        /// Whether each epoch has another order of the patches. If not, they are in the order of the rows.
        semantic shuffle: bool = true;
        /// How images are normalised for the network. The model tells it to the stages that read it.
        inherited normalise: Option<Normalise> = None;
        /// How exactly the network is computed.
        inherited precision: Precision = Precision::Float32;
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

/// Multiplications of the forward pass of a step below which one thread is as fast as two, and much faster if other
/// programs use the cores as well.
const SMALL_STEP: u64 = 100_000_000;

impl Stage for Train {
    // 2: in `curves`, no label covers a point. 3: `model` describes its network. 4: batch statistics are exact.
    const VERSION: u32 = 4;
    const CORRECTIONS: &'static [&'static str] = &[
        "in the picture of the curves, no label covers a point (the model is the same)",
        "`model.safetensors` describes its network (the weights are the same)",
        "batch normalisation computes its statistics within 1e-6 (they were off by up to 4e-4)",
    ];
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::All;
    const EQUALITY: Equality = Equality::Realisation;

    /// In a small step, threads wait for each other longer than they compute.
    fn appetite(&self) -> Appetite {
        let step = u64::from(self.batch_size).saturating_mul(self.architecture.products());
        if step < SMALL_STEP { Appetite::One } else { Self::APPETITE }
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = training_inputs(&self.data);
        inputs.extend(self.weights.as_ref().map(|model| model_input("weights", model, ArtifactType::Model)));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        training_artifacts()
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("epochs", self.epochs, 1);
        check.at_least("batch-size", self.batch_size, 1);
        self.architecture.check(check);
        if let Some(weights) = &self.weights {
            weights.check_weights("weights", "the start of a training", check);
        }
        let has_weights = self.weights.is_some() || !self.replace_head;
        let message =
            "`replace-head` needs `weights`: without them, all layers start from the initialisation";
        check.require(has_weights, "replace-head", message);
        self.optimizer.check(check);
        self.schedule.check(&self.optimizer, check);
        self.augmentation.check(check);
        Normalise::check(self.normalise.as_ref(), check);
        if let Some(clip) = &self.clip_gradients {
            check.positive("clip-gradients.norm", clip.norm);
        }
        if let Some(weights) = &self.class_weights {
            weights.check(check);
        }
        if let Some(stopping) = &self.early_stopping {
            check_patience(stopping.patience, check);
        }
    }
}

/// The artifacts of every training.
pub(super) fn training_artifacts() -> Vec<Artifact> {
    vec![
        artifact("model", "model.safetensors", ArtifactType::Model),
        artifact("checkpoint", "checkpoint.safetensors", ArtifactType::Checkpoint),
        artifact("history", "history.json", ArtifactType::Numbers),
        artifact("curves", "curves.png", ArtifactType::Picture),
        artifact("curves-svg", "curves.svg", ArtifactType::Picture),
    ]
}

/// Checks the patience of early stopping.
pub(super) fn check_patience(patience: u32, check: &mut Check<'_>) {
    check.at_least("early-stopping.patience", patience, 1);
}
