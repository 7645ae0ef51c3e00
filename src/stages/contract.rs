//! What every stage kind declares: its inputs, its artifacts, where it runs, and how reproducible its results are.
//!
//! Plain data. References are resolved, keys made and stages run elsewhere.

use std::{any::Any, borrow::Cow};

use super::{
    ArtifactRef, Check, Field, FileOrArtifact, Images, Lines, Model, Reader, Runner, Schema, SourceFile,
    StageName, TrainingData,
};

/// What the macro `parameters!` implements.
pub trait Parameters: Schema + Sized {
    /// The fields in order.
    const FIELDS: &'static [Field];
    /// Reads the table; `None`, with problems in the reader, if a field is missing or wrong.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
    /// Writes the semantic fields.
    fn semantic(&self, lines: &mut Lines);
    /// Writes the defaults of the semantic fields that have one.
    fn defaults(lines: &mut Lines);
}

/// What an artifact contains: decides which references fit.
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
    /// A file of unknown content. As the type of an input, it accepts every artifact.
    Anything,
}

impl ArtifactType {
    /// Its name in messages.
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

/// A word that most kinds declare as a constant, and some read from the pipeline file.
pub type Word = Cow<'static, str>;

/// One named output of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The name in references.
    pub name: Word,
    /// The file that the stage writes. A folder has a slash at its end.
    pub file: Word,
    /// What it contains.
    pub holds: ArtifactType,
}

/// An artifact with constant names.
#[must_use]
pub const fn artifact(name: &'static str, file: &'static str, holds: ArtifactType) -> Artifact {
    Artifact { name: Cow::Borrowed(name), file: Cow::Borrowed(file), holds }
}

/// One input of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The name under which the stage finds it: `model`, `images`, `images.x`, `data.train`.
    pub slot: String,
    /// The field that names it, for messages.
    pub field: &'static str,
    /// Where it comes from.
    pub from: Origin,
}

impl Input {
    /// An artifact of another stage.
    pub(super) fn artifact(
        slot: impl Into<String>,
        field: &'static str,
        reference: &ArtifactRef,
        expected: ArtifactType,
    ) -> Self {
        let from = Origin::Artifact { reference: reference.clone(), expected };
        Self { slot: slot.into(), field, from }
    }

    /// A source file.
    pub(super) fn file(slot: impl Into<String>, field: &'static str, file: &SourceFile) -> Self {
        Self { slot: slot.into(), field, from: Origin::File(file.clone()) }
    }

    /// What another stage reads under the same slot.
    pub(super) fn inherited(
        slot: &str,
        field: &'static str,
        stage: &StageName,
        through: &[&'static str],
    ) -> Self {
        let (stage, through, slot) = (stage.clone(), through.to_vec(), slot.to_owned());
        Self { slot: slot.clone(), field, from: Origin::Inherited { stage, through, slot } }
    }
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Another stage of the pipeline.
    Artifact {
        /// The reference to it.
        reference: ArtifactRef,
        /// What it must contain.
        expected: ArtifactType,
    },
    /// A source file.
    File(SourceFile),
    /// Everything that another stage reads under a slot, or under slots that begin with its name: the images of an
    /// explanation, the training data of a model that is trained further. The slots keep their names. If several
    /// stages provide the same slot, it must be the same input.
    ///
    /// An inherited input always accompanies an artifact of the same stage, which reports it if there is no such
    /// stage.
    Inherited {
        /// The stage that reads it, or where the path to that stage begins.
        stage: StageName,
        /// The path: each step leads to the stage that makes what is read under that slot. Through `["model"]`,
        /// `data.train` is the training data of the model of an explanation.
        through: Vec<&'static str>,
        /// The slot, or the common beginning of the slots; empty for everything that the stage reads.
        slot: String,
    },
}

/// How many CPU cores a stage can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appetite {
    /// One or two: limited by the disk, or serial.
    One,
    /// Always the same number: results depend on it (training).
    All,
    /// All that are free.
    Share,
}

/// How equal two results with the same key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equality {
    /// Bit for bit, anywhere.
    Bitwise,
    /// Bit for bit on the same machine with the same device and thread count; elsewhere another valid result.
    Realisation,
    /// Within the tolerances of the definitions, on any device and thread count.
    Tolerance,
}

impl Equality {
    /// How far numbers may differ [within the tolerance](Self::Tolerance), relative to the largest number of
    /// their column or array. With float32 on another device or with other threads, forward passes and maps differ
    /// by about 1e-6, and areas below curves of many forward passes by up to 1e-4.
    pub const TOLERANCE: f64 = 1e-4;
}

/// One kind of stage: its table and its declarations.
pub trait Stage: Parameters {
    /// Increased by hand, with a comment why, when the results of the kind change. Not the crate's version.
    const VERSION: u32;
    /// What each `VERSION` from 2 on corrected, in a line each. Shown to users who have older results.
    const CORRECTIONS: &'static [&'static str] = &[];
    /// Where it runs.
    const RUNNER: Runner;
    /// How many cores a stage of this kind can use.
    const APPETITE: Appetite;
    /// How many cores this one can use.
    fn appetite(&self) -> Appetite {
        Self::APPETITE
    }
    /// How equal its results are between runs.
    const EQUALITY: Equality;
    /// Its inputs.
    fn inputs(&self) -> Vec<Input>;
    /// Its artifacts.
    fn artifacts(&self) -> Vec<Artifact>;
    /// Checks ranges and combinations.
    fn check(&self, check: &mut Check<'_>);
    /// Checks it against the other stages that could be read.
    fn check_peers(&self, _peers: &Peers<'_>, _check: &mut Check<'_>) {}
}

/// Finds the parameters of another stage of the pipeline by its name.
pub type Peers<'a> = dyn Fn(&StageName) -> Option<&'a dyn Any> + 'a;

/// The parameters of a stage, if it is of this kind.
pub fn peer<'a, T: 'static>(peers: &Peers<'a>, name: &StageName) -> Option<&'a T> {
    peers(name)?.downcast_ref()
}

/// An input that is a file or an artifact, under the slot of its field's name.
#[must_use]
pub fn file_input(field: &'static str, value: &FileOrArtifact, expected: ArtifactType) -> Input {
    match value {
        FileOrArtifact::Artifact(reference) => Input::artifact(field, field, reference, expected),
        FileOrArtifact::File(file) => Input::file(field, field, file),
    }
}

/// Labelled patches: the slot `slot`, or `slot.x` and `slot.y`.
#[must_use]
pub fn images_inputs(slot: &str, field: &'static str, images: &Images) -> Vec<Input> {
    match images {
        Images::Artifact(reference) => vec![Input::artifact(slot, field, reference, ArtifactType::Patches)],
        Images::Files(pair) => {
            let input = |part: &str, from: &FileOrArtifact, expected| Input {
                slot: format!("{slot}.{part}"),
                ..file_input(field, from, expected)
            };
            vec![input("x", &pair.x, ArtifactType::Images), input("y", &pair.y, ArtifactType::Labels)]
        }
    }
}

/// Training data: the slots `data.train` and `data.validation`.
#[must_use]
pub fn training_inputs(data: &TrainingData) -> Vec<Input> {
    let [train, validation] = match data {
        TrainingData::Split(stage) => ["train", "validation"].map(|part| {
            Images::Artifact(ArtifactRef { stage: stage.clone(), artifact: Some(part.to_owned()) })
        }),
        TrainingData::Files(files) => {
            [&files.train, &files.validation].map(|pair| Images::Files(pair.clone()))
        }
    };
    let mut inputs = images_inputs("data.train", "data", &train);
    inputs.extend(images_inputs("data.validation", "data", &validation));
    inputs
}

/// The slot of a network with its code. What such a file is asked to do is part of the key.
pub const SCRIPT_SLOT: &str = "model.torchscript";

/// A model or a checkpoint, under the slot of its field's name; a network with its code, under its own.
#[must_use]
pub fn model_input(field: &'static str, model: &Model, expected: ArtifactType) -> Input {
    match model {
        Model::Artifact(reference) => Input::artifact(field, field, reference, expected),
        Model::File(file) => Input::file(field, field, &file.safetensors),
        Model::Script(script) => Input {
            slot: format!("{field}.torchscript"),
            ..file_input(field, &script.torchscript, ArtifactType::Anything)
        },
    }
}

/// A model and labelled patches: the slots `model` (or [`SCRIPT_SLOT`]), and `images` or its parts.
#[must_use]
pub fn question_inputs(model: &Model, images: &Images) -> Vec<Input> {
    let mut inputs = vec![model_input("model", model, ArtifactType::Model)];
    inputs.extend(images_inputs("images", "images", images));
    inputs
}
