//! Questions about source files, asked before anything is computed from them, and the answers.
//!
//! Plain data. A question names files and what they have to be; it knows no stage kinds.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::input::InputFile;
use crate::stages::{fetch::Fetch, train::Architecture};

/// A question about source files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// About files with data of the same patches.
    Patches(PatchFiles),
    /// About a file of weights.
    Weights(WeightsFile),
    /// About files to download.
    Downloads(Downloads),
}

/// Files that a stage downloads, and where they may be already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Downloads {
    /// The stage.
    pub stage: Fetch,
    /// The folder of the source files.
    pub data: PathBuf,
}

/// Source files with data of the same patches, and what they have to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PatchFiles {
    /// The files, by what they hold.
    pub files: BTreeMap<Holds, InputFile>,
    /// A column that the table must have.
    pub column: Option<String>,
    /// The smallest number of patches that is enough.
    pub patches: u64,
    /// The severity of patches that are all of one class; `None` if that does not matter.
    pub one_class: Option<Severity>,
}

/// What a source file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// HDF5 with `x`.
    Images,
    /// HDF5 with `y`.
    Labels,
    /// HDF5 with `mask`.
    Masks,
    /// CSV.
    Meta,
}

/// A file of weights, and what it has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WeightsFile {
    /// The file.
    pub file: InputFile,
    /// What it has to be.
    pub wanted: Wanted,
}

/// What a file of weights has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Any network that pcamflow knows.
    Model,
    /// A network with its code.
    Script,
    /// Weights that a training can start from.
    Start {
        /// The network.
        architecture: Architecture,
        /// Whether the last linear layer may be missing or have another shape.
        replace_head: bool,
    },
    /// A checkpoint, of this network if one is given.
    Checkpoint(Option<Architecture>),
}

/// The answer to one question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// How many patches there are, if known.
    pub patches: Option<u64>,
    /// What is wrong, or may be wrong.
    pub findings: Vec<Finding>,
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// What it is about.
    pub about: About,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, and what to do.
    pub message: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// One of the files of patches.
    File(Holds),
    /// The column of the table.
    Column,
    /// How many patches there are.
    Count,
    /// The file of weights.
    Weights,
    /// The files to download.
    Downloads,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The user should know it.
    Warning,
    /// The stage cannot be computed.
    Error,
}

impl Answer {
    /// The messages of the errors.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        let errors = self.findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.message.as_str())
    }
}
