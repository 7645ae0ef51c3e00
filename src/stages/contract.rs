//! What every stage kind declares: what it reads, what it writes, where it runs, how equal its
//! results are. Plain data; resolution, hashing and running happen elsewhere.

use std::{any::Any, borrow::Cow};

use super::{
    ArtifactRef, Check, Field, FileOrArtifact, Images, Lines, Model, Reader, RunSettings, SourceFile,
    StageName, TrainingData,
};

/// What the `parameters!` macro derives.
pub trait Parameters: Sized {
    /// The fields in order.
    const FIELDS: &'static [Field];
    /// Reads the table; `None` where a field was missing or wrong (the reader knows).
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
    /// The JSON Schema of the table.
    fn schema() -> serde_json::Value;
    /// Writes the semantic fields.
    fn semantic(&self, lines: &mut Lines);
    /// Writes the semantic fields that have a default, with it.
    fn defaults(lines: &mut Lines);
}

/// What an artifact holds: decides which references fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactType {
    /// Labelled patches in one HDF5 file (`x`, `y`, `row`, ...).
    Patches,
    /// Official-layout images (`x`).
    Images,
    /// Official-layout labels (`y`).
    Labels,
    /// Ground-truth masks (`mask`).
    Masks,
    /// The meta table (CSV).
    Meta,
    /// Weights (safetensors).
    Model,
    /// Everything that resuming needs (safetensors).
    Checkpoint,
    /// Maps of an explainer (HDF5).
    Maps,
    /// Curves of scores (HDF5).
    Curves,
    /// Numbers (JSON).
    Numbers,
    /// A table (CSV).
    Table,
    /// Text for people.
    Text,
    /// A picture (PNG or SVG).
    Picture,
    /// A folder of files.
    Folder,
    /// A file, and only its maker knows of what. Wanted, it stands for whatever there is.
    Anything,
}

impl ArtifactType {
    /// What to call it in a message.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Patches => "labelled patches",
            Self::Images => "images",
            Self::Labels => "labels",
            Self::Masks => "masks",
            Self::Meta => "a meta table",
            Self::Model => "a model",
            Self::Checkpoint => "a checkpoint",
            Self::Maps => "maps",
            Self::Curves => "curves",
            Self::Numbers => "numbers",
            Self::Table => "a table",
            Self::Text => "text",
            Self::Picture => "a picture",
            Self::Folder => "a folder",
            Self::Anything => "a file of any kind",
        }
    }
}

/// A word that most kinds know beforehand, and some read from the pipeline file.
pub type Word = Cow<'static, str>;

/// One named output of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The name by which others refer to it.
    pub name: Word,
    /// The file that the stage writes; of a folder, with a slash at its end.
    pub file: Word,
    /// What it holds.
    pub holds: ArtifactType,
}

/// A shorthand for declaring an artifact.
#[must_use]
pub const fn artifact(name: &'static str, file: &'static str, holds: ArtifactType) -> Artifact {
    Artifact { name: Cow::Borrowed(name), file: Cow::Borrowed(file), holds }
}

/// One thing that a stage reads, by the slot under which it finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The slot: `model`, `images`, `images.x`, `data.train`.
    pub slot: String,
    /// The field that names it, for messages about it.
    pub field: &'static str,
    /// Where it comes from.
    pub from: Origin,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Another stage of the pipeline.
    Artifact {
        /// Which one, as referred to.
        reference: ArtifactRef,
        /// What it has to hold.
        wants: ArtifactType,
    },
    /// A file of the user's.
    File(SourceFile),
    /// Whatever another stage reads under the slots that begin with this one's name: the images an
    /// explanation was made with, the training data of a model that is trained further. They keep their
    /// names; several stages may hand on the same, but not two different ones.
    Inherited {
        /// The stage that reads it, or from which the way to it begins.
        stage: StageName,
        /// The way from there: at each step, the maker of what is read under that slot. Through
        /// `["model"]`, `data.train` is what the model of an explanation learnt from.
        through: Vec<&'static str>,
        /// The slot, or the common beginning of the slots; empty for everything that it reads, for who
        /// does what that stage did.
        slot: String,
    },
}

/// Which process computes a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// A child of the engine, without libtorch.
    Engine,
    /// The worker, which loads libtorch.
    Worker,
}

/// How many CPU cores a stage can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appetite {
    /// One or two: bound by the disk, or serial.
    One,
    /// All, and always as many: results depend on the thread count (training).
    All,
    /// As many as are free.
    Share,
}

/// How equal two results of one key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equality {
    /// Bit for bit, anywhere.
    Bitwise,
    /// Bit for bit on the same machine, device and thread count; elsewhere one valid realisation.
    Realisation,
    /// Within the tolerances of the definitions, on any device and thread count.
    Tolerance,
}

impl Equality {
    /// How far numbers may be apart, in units of the largest number of their column or array, where results
    /// are equal [within a tolerance](Self::Tolerance). Float32 on another device or with other threads
    /// differs by some 1e-6 in a forward pass and in maps, and by up to 1e-4 in areas below curves of many
    /// forward passes.
    pub const TOLERANCE: f64 = 1e-4;
}

/// One kind of stage: its table, and what it declares about itself.
pub trait Stage: Parameters {
    /// Bumped by hand, with a comment why, when the kind's results change. Never the crate's version.
    const VERSION: u32;
    /// What each new `VERSION` corrected, in a line each, from 2 on: told to whoever has older results.
    const CORRECTIONS: &'static [&'static str] = &[];
    /// Where it runs.
    const RUNNER: Runner;
    /// How many cores such a stage can use.
    const APPETITE: Appetite;
    /// How many cores this one can use.
    fn appetite(&self) -> Appetite {
        Self::APPETITE
    }
    /// How equal its results are from run to run.
    const EQUALITY: Equality;
    /// What it reads.
    fn inputs(&self) -> Vec<Input>;
    /// What it writes.
    fn artifacts(&self) -> Vec<Artifact>;
    /// Checks ranges and combinations.
    fn check(&self, check: &mut Check<'_>);
    /// Checks what takes other stages to know: that they ask the same question, say. Only where each of
    /// them could be read by itself.
    fn check_peers(&self, _peers: &Peers<'_>, _check: &mut Check<'_>) {}
    /// How to compute it.
    fn run_settings(&self) -> &RunSettings;
}

/// The other stages of a pipeline: the parameters of one, as the type of its kind.
pub type Peers<'a> = dyn Fn(&StageName) -> Option<&'a dyn Any> + 'a;

/// The stage of a name, if it is of this kind.
pub fn peer<'a, T: 'static>(peers: &Peers<'a>, name: &StageName) -> Option<&'a T> {
    peers(name)?.downcast_ref()
}

/// An input that is a file or an artifact.
#[must_use]
pub fn file_input(field: &'static str, value: &FileOrArtifact, wants: ArtifactType) -> Input {
    let from = match value {
        FileOrArtifact::Artifact(reference) => Origin::Artifact { reference: reference.clone(), wants },
        FileOrArtifact::File(file) => Origin::File(file.clone()),
    };
    Input { slot: field.to_owned(), field, from }
}

/// The inputs behind labelled patches: `slot`, or `slot.x` and `slot.y`.
#[must_use]
pub fn images_inputs(slot: &str, field: &'static str, images: &Images) -> Vec<Input> {
    let file = |part: &str, file: &SourceFile| Input {
        slot: format!("{slot}.{part}"),
        field,
        from: Origin::File(file.clone()),
    };
    match images {
        Images::Artifact(reference) => {
            let from = Origin::Artifact { reference: reference.clone(), wants: ArtifactType::Patches };
            vec![Input { slot: slot.to_owned(), field, from }]
        }
        Images::Files(pair) => vec![file("x", &pair.x), file("y", &pair.y)],
    }
}

/// The inputs behind training data: slots `data.train` and `data.validation`.
#[must_use]
pub fn training_inputs(field: &'static str, data: &TrainingData) -> Vec<Input> {
    let images = |part: &str| match data {
        TrainingData::Split(stage) => {
            Images::Artifact(ArtifactRef { stage: stage.clone(), artifact: Some(part.to_owned()) })
        }
        TrainingData::Files(files) if part == "train" => Images::Files(files.train.clone()),
        TrainingData::Files(files) => Images::Files(files.validation.clone()),
    };
    ["train", "validation"]
        .into_iter()
        .flat_map(|part| images_inputs(&format!("data.{part}"), field, &images(part)))
        .collect()
}

/// The input behind a model, under the slot `model`.
#[must_use]
pub fn model_input(slot: &str, field: &'static str, model: &Model) -> Input {
    let from = match model {
        Model::Artifact(reference) => {
            Origin::Artifact { reference: reference.clone(), wants: ArtifactType::Model }
        }
        Model::File(file) => Origin::File(file.safetensors.clone()),
    };
    Input { slot: slot.to_owned(), field, from }
}

/// The inputs of a stage that asks a model about labelled patches: slots `model`, and `images` or its parts.
#[must_use]
pub fn question_inputs(model: &Model, images: &Images) -> Vec<Input> {
    let mut inputs = vec![model_input("model", "model", model)];
    inputs.extend(images_inputs("images", "images", images));
    inputs
}
