//! Pipeline files: a file, those that it extends, and `--set` overrides become a checked [`Pipeline`], or a list of
//! all problems, each with file, line and caret.
//!
//! Knows the tables of the stage kinds and the graph, but no store and no engine. Opens no source files.

mod combine;
mod document;
mod extends;
mod keys;
mod load;
mod mentions;
mod merge;
mod overrides;
mod params;
mod pick;
mod pieces;
mod places;
mod read;
mod references;
mod repeat;
mod resolve;
mod root;
mod rows;
mod schema;
mod seeds;
pub mod settings;
mod sources;
pub mod sweep;
pub mod sweep_table;
mod swept;
mod trials;
mod union;
mod unpacked;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    graph::Graph,
    stages::{AnyStage, RunSettings, SourceFile, StageName, Word},
};

pub use load::{Invalid, Options, load, name_in, parse, recorded};
pub use mentions::{Mention, Rewritten};
pub use places::Places;
pub use root::{Foreign, default_data, mark, project_root};
pub use schema::schema;
pub use swept::swept;
pub use trials::{Trial, TrialValue, shown};

/// A checked pipeline: every reference resolved.
pub struct Pipeline {
    /// Its name, also that of a folder.
    pub name: String,
    /// Its file, as given.
    pub file: PathBuf,
    /// The folder that paths are relative to: the nearest with `.pcamflow` or `.git`.
    pub root: PathBuf,
    /// The folder of the source files.
    pub data: PathBuf,
    /// `[run]`.
    pub run: RunSettings,
    /// Whether a run writes the report of its results.
    pub report: bool,
    /// The stages in the order of the file. The repeats of a stage are adjacent.
    pub stages: Vec<StageNode>,
    /// Which stages depend on which, by index into `stages`.
    pub graph: Graph,
    /// The trials, if this is the union of the trials of a sweep.
    pub trials: Vec<Trial>,
    /// `[sweep]`: the values that `pcamflow sweep` tries. Nothing else depends on it.
    pub sweep: Option<sweep::SweepSpec>,
    /// Notes about possible mistakes, in a line each.
    pub notes: Vec<String>,
    /// Its texts.
    sources: sources::Sources,
}

impl Pipeline {
    /// Its files: its own, after those that it extends.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.files().map(|(file, ..)| file)
    }

    /// The texts of its files, with their names.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.sources.named()
    }
}

/// One stage of a pipeline.
pub struct StageNode {
    /// Its name.
    pub name: StageName,
    /// Its parameters.
    pub stage: AnyStage,
    /// What it reads, in the order of its slots.
    pub inputs: Vec<ResolvedInput>,
}

/// Which stage reads which, from the inputs of each stage.
fn edges<'a>(inputs: impl Iterator<Item = &'a Vec<ResolvedInput>>) -> impl Iterator<Item = (usize, usize)> {
    inputs.enumerate().flat_map(|(to, inputs)| {
        inputs.iter().filter_map(move |input| match input.source {
            Source::Artifact { stage, .. } => Some((stage, to)),
            Source::File(_) => None,
        })
    })
}

/// One input of a stage.
#[derive(Debug, Clone)]
pub struct ResolvedInput {
    /// The name under which the stage finds it.
    pub slot: String,
    /// What it is.
    pub source: Source,
}

/// What an input is.
#[derive(Debug, Clone)]
pub enum Source {
    /// An artifact of another stage.
    Artifact {
        /// The stage's index.
        stage: usize,
        /// The artifact's name.
        artifact: Word,
    },
    /// A source file. Boxed, because a long pipeline reads far more artifacts than files.
    File(Box<FileOfUser>),
}

/// A source file.
#[derive(Debug, Clone)]
pub struct FileOfUser {
    /// As written.
    pub file: SourceFile,
    /// Its path.
    pub path: PathBuf,
    /// Where it is written: `pipelines/full.toml:8`.
    pub place: String,
}
