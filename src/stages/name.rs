//! How stages and artifacts are named: `kind.name` and `kind.name/artifact`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Kind;

/// A stage's name as people write it: `train.base`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StageName {
    /// The kind: the table's name.
    pub kind: Kind,
    /// The stage's own name: the sub-table's name.
    pub name: String,
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind.word(), self.name)
    }
}

impl FromStr for StageName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('.').ok_or_else(|| {
            format!("`{text}` is no stage: stages are written `kind.name`, as in `train.base`")
        })?;
        let kind = Kind::from_word(kind).ok_or_else(|| unknown_kind(kind))?;
        if !is_name(name) {
            return Err(format!("`{name}` is no name: letters, digits, `-` and `_` make a name"));
        }
        Ok(Self { kind, name: name.to_owned() })
    }
}

/// Whether a word can name a stage or a pipeline: it becomes a folder's name.
#[must_use]
pub fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

fn unknown_kind(word: &str) -> String {
    let kinds = Kind::ALL.map(Kind::word);
    match crate::nearest::nearest(word, kinds) {
        Some(near) => format!("there is no stage kind `{word}`: did you mean `{near}`?"),
        None => format!("there is no stage kind `{word}`: the kinds are {}", kinds.join(", ")),
    }
}

impl TryFrom<String> for StageName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<StageName> for String {
    fn from(name: StageName) -> Self {
        name.to_string()
    }
}

/// A reference to a stage, or to one of its artifacts: `split.pcam/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactRef {
    /// The stage that makes it.
    pub stage: StageName,
    /// Which artifact; `None` where the stage has just one that fits.
    pub artifact: Option<String>,
}

impl fmt::Display for ArtifactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.artifact {
            Some(artifact) => write!(f, "{}/{artifact}", self.stage),
            None => self.stage.fmt(f),
        }
    }
}

impl FromStr for ArtifactRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (stage, artifact) = match text.split_once('/') {
            Some((stage, artifact)) => (stage, Some(artifact.to_owned())),
            None => (text, None),
        };
        Ok(Self { stage: stage.parse()?, artifact })
    }
}

impl TryFrom<String> for ArtifactRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ArtifactRef> for String {
    fn from(reference: ArtifactRef) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for text in ["train.base", "split.pcam/test", "resume-train.more".replace("resume-", "").as_str()] {
            assert_eq!(text.parse::<ArtifactRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_misspelt_kind_is_corrected() {
        assert!("trian.base".parse::<StageName>().unwrap_err().contains("did you mean `train`"));
        assert!("base".parse::<StageName>().unwrap_err().contains("kind.name"));
        assert!("train.a b".parse::<StageName>().is_err());
    }
}
