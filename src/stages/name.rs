//! The names of stages and artifacts: `kind.name` and `kind.name/artifact`.
//!
//! A repeat of a stage is `kind.name@seed`. A stage that only some trials of a sweep have is `kind.name[trial]`,
//! which no stage in a file can be called.

use std::{fmt, str::FromStr, sync::Arc};

use super::{Kind, text::serde_by_text};

/// A stage's name: `train.base`, or `train.base@2` for one of its repeats.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageName {
    /// The kind: the table's name.
    pub kind: Kind,
    /// The stage's own name: the sub-table's name.
    pub name: String,
    /// The seed of a repeat. The list `seeds` is in this stage or in one that it depends on.
    pub repeat: Option<u64>,
    /// The trials of a sweep that have this stage (`learning-rate=0.001`), unless all have it.
    pub trial: Option<Arc<str>>,
}

impl StageName {
    /// The name in the pipeline file, without repeat and trial.
    #[must_use]
    pub fn written(&self) -> Self {
        Self { repeat: None, trial: None, ..self.clone() }
    }

    /// The name without the repeat.
    #[must_use]
    pub fn of_any_seed(&self) -> Self {
        Self { repeat: None, ..self.clone() }
    }

    /// The name without the trial.
    #[must_use]
    pub fn in_its_trial(&self) -> Self {
        Self { trial: None, ..self.clone() }
    }

    /// The name of one of its repeats.
    #[must_use]
    pub fn repeated(&self, seed: u64) -> Self {
        Self { repeat: Some(seed), ..self.clone() }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind.word(), self.name)?;
        self.trial.as_ref().map_or(Ok(()), |trial| write!(f, "[{trial}]"))?;
        self.repeat.map_or(Ok(()), |seed| write!(f, "@{seed}"))
    }
}

impl FromStr for StageName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('.').ok_or_else(|| {
            format!("`{text}` is not a stage: a stage is written `kind.name`, as in `train.base`")
        })?;
        let kind = Kind::from_word(kind).ok_or_else(|| unknown_kind(kind))?;
        let (name, repeat) = match name.split_once('@') {
            Some((name, seed)) => (name, Some(read_seed(seed)?)),
            None => (name, None),
        };
        if !is_name(name) {
            return Err(format!("`{name}` cannot name a stage: use letters, digits, `-` and `_`"));
        }
        Ok(Self { kind, name: name.to_owned(), repeat, trial: None })
    }
}

/// The seed in a name. A number has only one spelling.
fn read_seed(text: &str) -> Result<u64, String> {
    let seed = text.parse().ok().filter(|seed: &u64| seed.to_string() == text);
    seed.ok_or_else(|| {
        format!("`@{text}` is not a repeat: write its seed after the `@`, as in `train.base@2`")
    })
}

/// Whether a word can name a stage or a pipeline, and thus a folder.
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

serde_by_text!(StageName, ArtifactRef);

/// A reference to a stage, or to one of its artifacts: `split.pcam/test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRef {
    /// The stage that makes it.
    pub stage: StageName,
    /// The artifact's name. It may be absent if only one artifact of the stage fits.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for text in ["train.base", "split.pcam/test", "train.base@0", "train.base@18446744073709551615/model"]
        {
            assert_eq!(text.parse::<ArtifactRef>().unwrap().to_string(), text);
        }
        assert!(!is_name("base@1"), "no stage in a file has the name of a repeat");
    }

    #[test]
    fn a_misspelt_kind_is_corrected() {
        assert!("trian.base".parse::<StageName>().unwrap_err().contains("did you mean `train`"));
        assert!("base".parse::<StageName>().unwrap_err().contains("kind.name"));
        assert!("train.a b".parse::<StageName>().is_err());
    }

    #[test]
    fn the_name_of_a_stage_of_some_trials_contains_them_and_cannot_be_parsed() {
        let name: StageName = "train.base@2".parse().unwrap();
        let name = StageName { trial: Some("epochs=3".into()), ..name };
        assert_eq!(name.to_string(), "train.base[epochs=3]@2");
        assert_eq!(name.in_its_trial().to_string(), "train.base@2");
        assert_eq!(name.of_any_seed().to_string(), "train.base[epochs=3]");
        assert_eq!(name.written().to_string(), "train.base");
        assert!("train.base[epochs=3]".parse::<StageName>().is_err());
    }

    #[test]
    fn a_repeat_has_one_spelling() {
        for text in ["train.a@", "train.a@01", "train.a@+1", "train.a@-1", "train.a@1@2", "train.a@x"] {
            assert!(text.parse::<StageName>().unwrap_err().contains("is not a repeat"), "{text}");
        }
        assert!("train.@1".parse::<StageName>().is_err());
        let name: StageName = "train.a@7".parse().unwrap();
        assert_eq!((name.repeat, name.written().to_string().as_str()), (Some(7), "train.a"));
        assert_eq!(name.written().repeated(7), name);
    }
}
