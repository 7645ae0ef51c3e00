//! Stage kind `resume-train`: continues a training from its checkpoint.

use std::collections::BTreeSet;

use super::{
    Appetite, Artifact, ArtifactType, Check, Equality, Input, Kind, Model, Peers, Precision, RunSettings,
    Runner, Stage, StageName, TrainingData,
    declare::{choice, parameters, settings},
    model_input, peer,
    train::{Architecture, Train, check_patience, training_artifacts},
    training_inputs,
};

parameters! {
    /// Trains further. Everything that cannot be set here (network, optimiser and its state, schedule, batch size,
    /// shuffle, augmentation, class weights, seed) comes from the checkpoint: 8 epochs of `train` and 5 more from
    /// the last one equal 13 epochs of `train`, bit for bit.
    ///
    /// The epoch numbers and the history continue. If no further epoch has a smaller validation loss than the
    /// smallest so far, the model stays the same.
    pub struct ResumeTrain {
        /// The training to continue: a `train` or `resume-train` stage, or the file of a checkpoint.
        input from: Model;
        /// What to learn from (default: the data of `from`). Required if `from` is a file. The validation patches
        /// should stay the same, because losses on them are compared with the smallest one so far.
        input data: Option<TrainingData> = None;
        /// The epoch to continue from.
        semantic start: Start = Start::Last;
        /// How many more passes over the training patches.
        semantic epochs: u32;
        /// Stops when the validation loss has not improved for some epochs.
        semantic early_stopping: Option<EarlyStopping> = None;
        /// The network that the checkpoint must have.
        semantic architecture: Option<Architecture> = None;
        /// Seeds shuffle and augmentation from here on (default: the seed of the training). With
        /// `start = "best"` and the same seed, the epochs after the best one repeat exactly.
        semantic seed: Option<u64> = None;
        /// How exactly the network is computed from here on (default: as in the training).
        semantic precision: Option<Precision> = None;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

settings! {
    /// When to stop before the last epoch.
    pub struct EarlyStopping {
        /// Epochs without a strictly smaller validation loss.
        patience: u32 = 5;
        /// Whether the epochs without improvement at the end of `from` count, too. If so, two stages stop where one
        /// stage with all epochs would stop, bit for bit, if both have the same patience; a training that has
        /// stopped early is not trained further. If not, the count starts again. With `start = "best"` it is 0 in
        /// any case.
        continue_count: bool = false;
    }
}

choice! {
    /// An epoch in a checkpoint: weights and optimiser state.
    pub enum Start {
        /// The last one.
        Last = "last",
        /// The one with the smallest validation loss. The epochs after it leave the history.
        Best = "best",
    }
}

impl Stage for ResumeTrain {
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

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = match (&self.data, &self.from) {
            (Some(data), _) => training_inputs(data),
            (None, Model::Artifact(reference)) if is_training(&reference.stage) => {
                vec![Input::inherited("data", "from", &reference.stage, &[])]
            }
            // `check` reports that `data` is missing, or the checkpoint that `from` is not a training.
            (None, Model::Artifact(_) | Model::File(_) | Model::Script(_)) => Vec::new(),
        };
        inputs.push(model_input("from", &self.from, ArtifactType::Checkpoint));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        training_artifacts()
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("epochs", self.epochs, 1);
        self.from.check_weights("from", "trained further", check);
        if let Some(stopping) = &self.early_stopping {
            check_patience(stopping.patience, check);
        }
        if let Some(architecture) = &self.architecture {
            architecture.check(check);
        }
        let known = self.data.is_some() || matches!(self.from, Model::Artifact(_));
        let message =
            "`data` is required if `from` is a file: the file does not say what the model was trained on";
        check.require(known, "from", message);
    }

    fn check_peers(&self, peers: &Peers<'_>, check: &mut Check<'_>) {
        let Some(wanted) = &self.architecture else { return };
        if let Some((name, found)) = declared(&self.from, peers)
            && found.form() != wanted.form()
        {
            let message = format!(
                "`{name}` trains {}, which is another architecture than {}",
                in_words(found),
                in_words(wanted)
            );
            check.require(false, "architecture", message);
        }
    }
}

/// The network of a model or checkpoint that a stage of the pipeline makes, and the stage that declares it.
pub(super) fn declared<'a>(model: &Model, peers: &Peers<'a>) -> Option<(StageName, &'a Architecture)> {
    let mut seen = BTreeSet::new();
    let mut name = maker(model)?;
    // A cycle is reported elsewhere.
    while seen.insert(name.clone()) {
        if let Some(train) = peer::<Train>(peers, &name) {
            return Some((name, &train.architecture));
        }
        name = maker(&peer::<ResumeTrain>(peers, &name)?.from)?;
    }
    None
}

fn maker(model: &Model) -> Option<StageName> {
    match model {
        Model::Artifact(reference) => Some(reference.stage.clone()),
        Model::File(_) | Model::Script(_) => None,
    }
}

/// A network, for messages.
#[must_use]
pub fn in_words(architecture: &Architecture) -> String {
    serde_json::to_string(architecture).unwrap_or_else(|_| architecture.word().to_owned())
}

fn is_training(stage: &StageName) -> bool {
    matches!(stage.kind, Kind::Train | Kind::ResumeTrain)
}
