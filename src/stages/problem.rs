//! A problem of a pipeline, with its place.
//!
//! The place is a byte range in the concatenated sources (the files, then each `--set`). Rendering happens
//! elsewhere.

use std::ops::Range;

use crate::nearest::nearest;

/// What a problem is about, for code that treats some problems specially.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Topic {
    /// A required field of this name is missing.
    Missing(String),
    /// A table has this unknown key.
    UnknownKey(String),
    /// The pipeline has no stage, or no kind, of this name.
    NoStage(String),
    /// Anything else.
    #[default]
    Other,
}

/// A problem of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its place in the concatenated sources; `None` for the file as a whole.
    pub span: Option<Range<usize>>,
    /// What is wrong, in one line.
    pub message: String,
    /// Advice.
    pub help: Option<String>,
    /// A second place, and a label for it. Boxed, because most problems have none.
    pub also: Option<Box<(Range<usize>, String)>>,
    /// What it is about.
    pub topic: Topic,
}

impl Problem {
    /// A problem at a place.
    pub fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::unplaced(message) }
    }

    /// A problem without a place, which the caller may add.
    pub fn unplaced(message: impl Into<String>) -> Self {
        Self { span: None, message: message.into(), help: None, also: None, topic: Topic::Other }
    }

    /// The same problem with a topic.
    #[must_use]
    pub fn about(self, topic: Topic) -> Self {
        Self { topic, ..self }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem with "did you mean", if one of the candidates is close to `word`.
    #[must_use]
    pub fn did_you_mean<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, candidates) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}
