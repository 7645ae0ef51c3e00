//! The stage kinds: one file each, and the registry.
//!
//! A kind declares its parameters, inputs, artifacts, checks and `VERSION`. It is computed in `jobs` (without
//! libtorch) or in the worker. To add a kind, add a file here, its name in `kind` and a line in the registry
//! `stages!` below; the compiler then reports where it must be computed.
//!
//! Knows TOML tables and names, but no engine, store or tensors.

mod baseline;
mod bytes;
mod canonical;
mod centre_box;
mod check;
mod contract;
pub(crate) mod declare;
mod defaults;
mod execution;
mod field;
mod kind;
mod label;
mod launcher;
mod model;
mod name;
mod network_output;
mod normalise;
pub(crate) mod plain;
mod precision;
mod problem;
mod reader;
mod reference;
mod retry;
mod runner;
pub mod schema;
mod slurm;
pub(crate) mod suggest;
mod text;
mod value_schemas;

pub mod architecture;
pub mod command;
pub mod evaluate;
pub mod explain;
pub mod fetch;
pub mod import;
pub mod metrics;
pub mod preview;
pub mod resume_train;
pub mod sanity;
pub mod split;
pub mod synthesize;
pub mod train;
pub mod unpack;

use std::any::Any;

use serde::{Deserialize, Serialize};
use toml::{Spanned, de::DeTable};

pub use baseline::Baseline;
pub use bytes::Bytes;
pub use canonical::{Canonical, Lines, join};
pub use centre_box::CentreBox;
pub use check::{Check, span_of};
pub use contract::{
    Appetite, Artifact, ArtifactType, Equality, Input, Origin, Parameters, Peers, SCRIPT_SLOT, Stage, Word,
    artifact, file_input, images_inputs, model_input, peer, question_inputs, training_inputs,
};
pub use defaults::{DEFAULT_SEED, default_classes};

pub use execution::{DeviceChoice, ExecutorChoice, Logs, RunSettings};
pub use field::{Class, Field, kebab};
pub use kind::Kind;
pub use label::Label;
pub use launcher::Launcher;
pub use model::{Model, ModelFile, SCRIPT_LAYER, ScriptFile};
pub use name::{ArtifactRef, StageName, is_name};
pub use network_output::NetworkOutput;
pub use normalise::Normalise;
pub use precision::Precision;
pub use problem::{Problem, Topic};
pub use reader::Reader;
pub use reference::{
    FileOrArtifact, Images, SampleFiles, Samples, SourceFile, SourcePair, TrainingData, TrainingFiles,
};
pub use retry::{Retry, RetryOn, TimeSpan};
pub use runner::Runner;
pub use schema::Schema;
pub use slurm::{Slurm, SlurmChoice};

/// Expands the registry into `AnyStage`, its forwarding methods and those of `Kind`.
macro_rules! stages {
    ( $( $variant:ident($type:ty) = $word:literal , )+ ) => {
        impl Kind {
            /// The fields of its table.
            #[must_use]
            pub fn fields(self) -> &'static [Field] {
                match self { $( Self::$variant => <$type>::FIELDS, )+ }
            }

            /// The defaults of its semantic fields that have one.
            #[must_use]
            pub fn defaults(self) -> Lines {
                let mut lines = Lines::with_defaults();
                match self { $( Self::$variant => <$type>::defaults(&mut lines), )+ }
                lines
            }

            /// The JSON Schema of its table.
            #[must_use]
            pub fn schema(self) -> serde_json::Value {
                match self { $( Self::$variant => <$type>::schema(), )+ }
            }

            /// Reads and checks one table of this kind.
            ///
            /// # Errors
            /// All problems of the table.
            pub fn read(self, table: &Spanned<DeTable<'_>>) -> Result<AnyStage, Vec<Problem>> {
                match self { $( Self::$variant => read::<$type>(table).map(|stage| AnyStage::$variant(Box::new(stage))), )+ }
            }
        }

        /// The parameters of one stage, of any kind. Boxed, because the kinds differ in size.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum AnyStage {
            $( #[doc = concat!("Kind `", $word, "`.")] #[serde(rename = $word)] $variant(Box<$type>), )+
        }

        impl AnyStage {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $( Self::$variant(_) => Kind::$variant, )+ }
            }

            /// The version of its kind's results.
            #[must_use]
            pub fn version(&self) -> u32 {
                match self { $( Self::$variant(_) => <$type>::VERSION, )+ }
            }

            /// What each version of its kind from 2 on corrected.
            #[must_use]
            pub fn corrections(&self) -> &'static [&'static str] {
                match self { $( Self::$variant(_) => <$type>::CORRECTIONS, )+ }
            }

            /// Where it runs.
            #[must_use]
            pub fn runner(&self) -> Runner {
                match self { $( Self::$variant(_) => <$type>::RUNNER, )+ }
            }

            /// How many cores it can use.
            #[must_use]
            pub fn appetite(&self) -> Appetite {
                match self { $( Self::$variant(stage) => Stage::appetite(&**stage), )+ }
            }

            /// How equal its results are between runs.
            #[must_use]
            pub fn equality(&self) -> Equality {
                match self { $( Self::$variant(_) => <$type>::EQUALITY, )+ }
            }

            /// Its inputs.
            #[must_use]
            pub fn inputs(&self) -> Vec<Input> {
                match self { $( Self::$variant(stage) => stage.inputs(), )+ }
            }

            /// Its artifacts.
            #[must_use]
            pub fn artifacts(&self) -> Vec<Artifact> {
                match self { $( Self::$variant(stage) => stage.artifacts(), )+ }
            }

            /// The problems that depend on the other stages of its pipeline.
            #[must_use]
            pub fn check_peers(&self, peers: &Peers<'_>, table: &Spanned<DeTable<'_>>) -> Vec<Problem> {
                let mut check = Check::new(table);
                match self { $( Self::$variant(stage) => stage.check_peers(peers, &mut check), )+ }
                check.finish()
            }

            /// Its parameters, to be downcast to the type of its kind.
            #[must_use]
            pub fn as_any(&self) -> &dyn Any {
                match self { $( Self::$variant(stage) => stage.as_ref(), )+ }
            }

            /// How to compute it.
            #[must_use]
            pub fn run_settings(&self) -> &RunSettings {
                match self { $( Self::$variant(stage) => &stage.run, )+ }
            }

            /// Its semantic parameters in canonical form.
            #[must_use]
            pub fn semantic(&self) -> Lines {
                let mut lines = Lines::default();
                match self { $( Self::$variant(stage) => stage.semantic(&mut lines), )+ }
                lines
            }
        }
    };
}

stages! {
    Synthesize(synthesize::Synthesize) = "synthesize",
    Fetch(fetch::Fetch) = "fetch",
    Unpack(unpack::Unpack) = "unpack",
    Import(import::Import) = "import",
    Split(split::Split) = "split",
    Train(train::Train) = "train",
    ResumeTrain(resume_train::ResumeTrain) = "resume-train",
    Evaluate(evaluate::Evaluate) = "evaluate",
    Explain(explain::Explain) = "explain",
    Metrics(metrics::Metrics) = "metrics",
    Sanity(sanity::Sanity) = "sanity",
    Preview(preview::Preview) = "preview",
    Command(command::Command) = "command",
}

fn read<T: Stage>(table: &Spanned<DeTable<'_>>) -> Result<T, Vec<Problem>> {
    let mut reader = Reader::new(table);
    let stage = T::read(&mut reader);
    let mut problems = reader.finish(T::FIELDS);
    if let Some(stage) = &stage {
        let mut check = Check::new(table);
        stage.check(&mut check);
        problems.extend(check.finish());
    }
    match stage {
        Some(stage) if problems.is_empty() => Ok(stage),
        _ => Err(problems),
    }
}
