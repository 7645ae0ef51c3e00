//! What a command declares by name: the names themselves, and the files and folders that it writes.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    fsx::Below,
    stages::{ArtifactType, Canonical, Lines, Schema, declare::choice, reference::string_or_table, schema},
};

/// The folder of the sandbox in which a program finds its inputs.
pub const INPUTS: &str = "inputs";

/// The folder of the sandbox that is thrown away: `TMPDIR` and `HOME`.
pub const PASSING: &str = "tmp";

/// Names in an artifact's folder that are taken.
const TAKEN: [&str; 2] = ["log.txt", ".pcamflow-shown.json"];

/// The name of an input or artifact of a command: a file's name, too, so that a program finds the ending
/// that it goes by. ASCII letters, digits, `-`, `_` and `.`, which is not the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortName(String);

impl PortName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its part in the name of a variable: `PREDICTIONS_CSV` of `predictions.csv`.
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

impl TryFrom<String> for PortName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match !text.is_empty() && text.len() <= 100 && !text.starts_with('.') && text.chars().all(letter) {
            true => Ok(Self(text)),
            false => Err(format!(
                "`{text}` is not a valid name: use ASCII letters, digits, `-`, `_` and `.` (not first)"
            )),
        }
    }
}

impl From<PortName> for String {
    fn from(name: PortName) -> Self {
        name.0
    }
}

choice! {
    /// What a file holds, where another kind of stage is to read it.
    pub enum Holds {
        /// Labelled patches: HDF5 with `x`, `y` and `row`, as a part of a split.
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

/// A file or folder that a command writes: `"table.csv"`, `"plots/"`, or with what it holds
/// `{ path = "patches.h5", holds = "patches" }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The path in the folder in which the program runs; a folder's ends with a slash.
    pub path: String,
    /// What it holds; `None`: for people and other commands.
    pub holds: Option<Holds>,
}

/// The table form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<Holds>,
}

string_or_table!(Output, "a path such as \"table.csv\" or \"plots/\", or { path = \"...\", holds = \"...\" }",
    |text| Ok(Output { path: text.to_owned(), holds: None }),
    Typed => |typed| Output { path: typed.path, holds: typed.holds });

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Typed { path: self.path.clone(), holds: self.holds }.serialize(serializer)
    }
}

impl Canonical for Output {
    /// What it holds says who may read it, and changes no byte of it.
    fn write(&self, path: &str, lines: &mut Lines) {
        self.path.write(path, lines);
    }
}

impl Schema for Output {
    fn schema() -> serde_json::Value {
        let path = "The path in the folder in which the program runs; a folder's ends with a slash.";
        let holds = "What it holds, where another kind of stage is to read it.";
        let keys = vec![
            schema::required::<String>("path", path),
            schema::optional::<Option<Holds>>("holds", holds, &None),
        ];
        schema::either([String::schema(), schema::table("A file of a known kind.", keys)])
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

    /// What others may read it as.
    #[must_use]
    pub fn artifact_type(&self) -> ArtifactType {
        match self.holds {
            Some(Holds::Patches) => ArtifactType::Patches,
            Some(Holds::Images) => ArtifactType::Images,
            Some(Holds::Labels) => ArtifactType::Labels,
            Some(Holds::Masks) => ArtifactType::Masks,
            Some(Holds::Meta) => ArtifactType::Meta,
            Some(Holds::Model) => ArtifactType::Model,
            None if self.is_folder() => ArtifactType::Folder,
            None => ArtifactType::Anything,
        }
    }

    /// Whether the path can be one in the sandbox.
    pub(super) fn check(&self) -> Result<(), String> {
        let path = &self.path;
        let name = Below::new(path.as_str()).map_err(|bad| match path.starts_with('/') {
            true => format!("`{path}` is absolute: a program writes into the folder in which it runs"),
            false => format!("`{path}` is not a plain path ({}): write only plain names", bad.why),
        })?;
        if path.chars().any(char::is_control) {
            return Err(format!("{path:?} holds a control character"));
        }
        let first = name.parts().next().unwrap_or_default();
        if [INPUTS, PASSING].contains(&first) {
            return Err(format!(
                "`{first}/` is taken: inputs lie in `{INPUTS}/`, and `{PASSING}/` is thrown away"
            ));
        }
        let last = name.parts().next_back().unwrap_or_default();
        if TAKEN.contains(&last) {
            return Err(format!("`{last}` is taken: pcamflow shows a file of its own under that name"));
        }
        match self.holds {
            Some(_) if self.is_folder() => Err("`holds` is for files, not for folders".to_owned()),
            _ => Ok(()),
        }
    }
}
