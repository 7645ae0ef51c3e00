//! The names that a command declares, and the files and folders that it writes.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::{
    fsx::Below,
    stages::{
        ArtifactType, Canonical, Lines,
        declare::{choice, table},
        reference::string_or_table,
        text::serde_by_text,
    },
};

/// The folder of the sandbox with the inputs.
pub const INPUTS: &str = "inputs";

/// The folder of the sandbox that is deleted at the end: `TMPDIR` and `HOME`.
pub const PASSING: &str = "tmp";

/// File names that pcamflow itself uses where artifacts are shown.
pub(in crate::stages) const TAKEN: [&str; 2] = ["log.txt", ".pcamflow-shown.json"];

/// The name of an input or artifact of a command. Inputs are files of that name, so it may have an extension.
/// ASCII letters, digits, `-`, `_` and `.` (not first).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortName(String);

impl PortName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as part of a variable's name: `predictions.csv` becomes `PREDICTIONS_CSV`.
    #[must_use]
    pub fn variable(&self) -> String {
        self.0.to_ascii_uppercase().replace(['-', '.'], "_")
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PortName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match !text.is_empty() && text.len() <= 100 && !text.starts_with('.') && text.chars().all(letter) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "`{text}` is not a valid name: use ASCII letters, digits, `-`, `_` and `.` (not first)"
            )),
        }
    }
}

serde_by_text!(PortName);

choice! {
    /// What a file contains, so that stages of other kinds can read it.
    pub enum Holds {
        /// Labelled patches: HDF5 with `x`, `y` and `row`, like a part of a split.
        Patches = "patches",
        /// Images: HDF5 with `x`.
        Images = "images",
        /// Labels: HDF5 with `y`.
        Labels = "labels",
        /// Ground-truth masks: HDF5 with `mask`.
        Masks = "masks",
        /// A meta table: CSV.
        Meta = "meta",
        /// A model's weights: safetensors, under PyTorch's names.
        Model = "model",
    }
}

impl Holds {
    /// The type of artifact for other stages.
    #[must_use]
    pub fn artifact_type(self) -> ArtifactType {
        match self {
            Self::Patches => ArtifactType::Patches,
            Self::Images => ArtifactType::Images,
            Self::Labels => ArtifactType::Labels,
            Self::Masks => ArtifactType::Masks,
            Self::Meta => ArtifactType::Meta,
            Self::Model => ArtifactType::Model,
        }
    }
}

/// A file or folder that a command writes: `"table.csv"`, `"plots/"`, or
/// `{ path = "patches.h5", holds = "patches" }`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Output {
    /// The path in the folder in which the program runs; a folder's ends with a slash.
    pub path: String,
    /// What it contains; `None` if it is only for people and other commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<Holds>,
}

table! {
    /// A file of a known kind.
    struct Typed {
        /// The path in the folder in which the program runs; a folder's ends with a slash.
        path: String;
        /// What it contains, so that stages of other kinds can read it.
        holds: Option<Holds> = None;
    }
}

string_or_table!(Output, "a path such as \"table.csv\" or \"plots/\", or { path = \"...\", holds = \"...\" }",
    String => |text| Ok(Output { path: text.to_owned(), holds: None }),
    Typed => |typed| Output { path: typed.path, holds: typed.holds });

impl Canonical for Output {
    /// Only the path: `holds` does not change the file.
    fn write(&self, path: &str, lines: &mut Lines) {
        self.path.write(path, lines);
    }
}

impl Output {
    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    /// The path without the slash that marks a folder.
    #[must_use]
    pub fn plain(&self) -> &str {
        self.path.strip_suffix('/').unwrap_or(&self.path)
    }

    /// The type of artifact that it is for other stages.
    #[must_use]
    pub fn artifact_type(&self) -> ArtifactType {
        match self.holds {
            Some(holds) => holds.artifact_type(),
            None if self.is_folder() => ArtifactType::Folder,
            None => ArtifactType::Anything,
        }
    }

    /// Checks that the path can be written in the sandbox.
    pub(super) fn check(&self) -> Result<(), String> {
        let path = &self.path;
        let name = Below::new(path.as_str()).map_err(|bad| match path.starts_with('/') {
            true => format!("`{path}` is absolute: a program writes into the folder in which it runs"),
            false => format!("`{path}` is not a plain path ({}): write only plain names", bad.why),
        })?;
        if path.chars().any(char::is_control) {
            return Err(format!("{path:?} contains a control character"));
        }
        let first = name.parts().next().unwrap_or_default();
        if [INPUTS, PASSING].contains(&first) {
            return Err(format!(
                "`{first}/` is taken: `{INPUTS}/` contains the inputs, and `{PASSING}/` is deleted at the end"
            ));
        }
        let last = name.parts().next_back().unwrap_or_default();
        if TAKEN.contains(&last) {
            return Err(format!("`{last}` is taken: pcamflow writes a file of that name"));
        }
        match self.holds {
            Some(_) if self.is_folder() => Err("`holds` is for files, not for folders".to_owned()),
            _ => Ok(()),
        }
    }
}
