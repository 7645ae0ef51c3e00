//! Pipeline files: TOML text, what it extends, and `--set` overrides become a checked `Pipeline`, or every
//! problem at once, each with file, line and caret.
//!
//! Knows the stage kinds' tables and the graph; knows neither store nor engine, and opens no source.

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

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    graph::Graph,
    stages::{AnyStage, RunSettings, SourceFile, StageName, Word},
};

pub use load::{Invalid, Options, load, name_in, parse};
pub use mentions::{Mention, Rewritten};
pub use places::Places;
pub use root::{Foreign, default_data, mark, project_root};
pub use schema::schema;
pub use swept::swept;
pub use trials::{Trial, TrialValue, shown};

/// A checked pipeline: every reference resolved.
pub struct Pipeline {
    /// Its name: a folder's name.
    pub name: String,
    /// Its file, as given.
    pub file: PathBuf,
    /// The folder that paths are relative to: the nearest with `.pcamflow` or `.git`.
    pub root: PathBuf,
    /// The folder of the source files.
    pub data: PathBuf,
    /// `[run]`.
    pub run: RunSettings,
    /// The stages in the order of the file; the repeats of one stand side by side in its place.
    pub stages: Vec<StageNode>,
    /// Who needs whom, by index into `stages`.
    pub graph: Graph,
    /// The trials whose stages these are, where it is all trials of a sweep in one; else none.
    pub trials: Vec<Trial>,
    /// `[sweep]`: what `pcamflow sweep` tries. Nothing else depends on it.
    pub sweep: Option<sweep::SweepSpec>,
    /// What is no mistake but may be one, in a line each.
    pub notes: Vec<String>,
    /// The texts that it was made from.
    sources: sources::Sources,
}

impl Pipeline {
    /// The files that it is made of: its own, after those that it extends.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.files().map(|(file, ..)| file)
    }

    /// The texts of the files that it was made from, with their names; `--set` is none.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.sources.named().filter(|(name, _)| !name.starts_with("--set"))
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

/// One thing that a stage reads.
#[derive(Debug, Clone)]
pub struct ResolvedInput {
    /// The slot under which the stage finds it.
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
    /// A file of the user's. Boxed: a long pipeline reads far more artifacts than files.
    File(Box<FileOfUser>),
}

/// A file that the user has.
#[derive(Debug, Clone)]
pub struct FileOfUser {
    /// As written.
    pub file: SourceFile,
    /// Where it lies.
    pub path: PathBuf,
    /// Where it is written: `pipelines/full.toml:8`.
    pub place: String,
}
