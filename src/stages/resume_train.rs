//! Stage kind `resume-train`: goes on with a training where its checkpoint stands.

use std::collections::BTreeSet;

use super::{
    Appetite, Artifact, ArtifactType, Check, Equality, Input, Kind, Model, Origin, Peers, RunSettings,
    Runner, Stage, StageName, TrainingData,
    declare::{choice, parameters},
    peer,
    train::{Architecture, EarlyStopping, Train, training_artifacts},
    training_inputs,
};

parameters! {
    /// Trains further. Everything but what stands here (network, optimiser and its state, schedule, batch
    /// size, shuffle, augmentation, class weights, seed) is the checkpoint's: 8 epochs of `train` and 5
    /// more from the last one give, bit for bit, what 13 epochs of `train` give.
    ///
    /// Epochs go on counting, the history goes on, and the smallest validation loss so far has to be
    /// beaten: where no further epoch does, the model is the one of before.
    pub struct ResumeTrain {
        /// The training to go on with: a `train` or `resume-train` stage, or the file of a checkpoint.
        input from: Model;
        /// What to learn from; what `from` learnt from where absent. Needed where `from` is a file. Its
        /// validation patches should be those of before: the smallest loss on them is what has to be beaten.
        input data: Option<TrainingData> = None;
        /// The epoch from which to go on.
        semantic start: Start = Start::Last;
        /// How many passes over the training patches more.
        semantic epochs: u32;
        /// Stops when the validation loss has not improved for some epochs, counted from `start`.
        semantic early_stopping: Option<EarlyStopping> = None;
        /// The network that the checkpoint has to be of.
        semantic architecture: Option<Architecture> = None;
        /// Seeds shuffle and augmentation from here on, instead of the training's own seed. Epochs that
        /// `start = "best"` leaves aside repeat themselves exactly unless they get another seed.
        semantic seed: Option<u64> = None;
        /// How to compute it.
        execution run: RunSettings = RunSettings::default();
    }
}

choice! {
    /// An epoch of a training that is kept: weights and optimiser state.
    pub enum Start {
        /// The last one.
        Last = "last",
        /// The one with the smallest validation loss. The epochs after it leave the history.
        Best = "best",
    }
}

impl Stage for ResumeTrain {
    const VERSION: u32 = 1;
    const RUNNER: Runner = Runner::Worker;
    const APPETITE: Appetite = Appetite::All;
    const EQUALITY: Equality = Equality::Realisation;

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = match (&self.data, &self.from) {
            (Some(data), _) => training_inputs("data", data),
            (None, Model::Artifact(reference)) if is_training(&reference.stage) => {
                vec![inherited_data(&reference.stage)]
            }
            // `check` asks for `data`, or `from` is no training, which is told of the checkpoint.
            (None, Model::Artifact(_) | Model::File(_)) => Vec::new(),
        };
        inputs.push(checkpoint_input(&self.from));
        inputs
    }

    fn artifacts(&self) -> Vec<Artifact> {
        training_artifacts()
    }

    fn check(&self, check: &mut Check<'_>) {
        check.at_least("epochs", self.epochs, 1);
        if let Some(stopping) = &self.early_stopping {
            stopping.check(check);
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
            && found != wanted
        {
            let message = format!(
                "`{name}` trains {}, which is another architecture than {}",
                in_words(found),
                in_words(wanted)
            );
            check.require(false, "architecture", message);
        }
    }

    fn run_settings(&self) -> &RunSettings {
        &self.run
    }
}

/// The network of a model, or of a checkpoint, and the stage that says so, where a stage of the pipeline
/// makes it.
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
        Model::File(_) => None,
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

fn inherited_data(stage: &StageName) -> Input {
    let from = Origin::Inherited { stage: stage.clone(), through: Vec::new(), slot: "data".to_owned() };
    Input { slot: "data".to_owned(), field: "from", from }
}

fn checkpoint_input(from: &Model) -> Input {
    let from = match from {
        Model::Artifact(reference) => {
            Origin::Artifact { reference: reference.clone(), wants: ArtifactType::Checkpoint }
        }
        Model::File(file) => Origin::File(file.safetensors.clone()),
    };
    Input { slot: "from".to_owned(), field: "from", from }
}
