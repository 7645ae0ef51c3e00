//! What is wrong with a pipeline, and where.
//!
//! A problem carries a byte range into the concatenated sources (the file, then each `--set`); who
//! renders it knows the texts. Nothing here prints.

use std::ops::Range;

use crate::nearest::nearest;

/// What a problem is about, as far as other code goes by it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Matter {
    /// A required field of this name is missing.
    Missing(String),
    /// A table has this key, which it does not know.
    UnknownKey(String),
    /// The pipeline has no stage, or no kind, of this name.
    NoStage(String),
    /// Anything else.
    #[default]
    Other,
}

/// One thing wrong with a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a byte range into the concatenated sources; `None` for the file as a whole.
    pub span: Option<Range<usize>>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do, where there is something to say.
    pub help: Option<String>,
    /// Another place that it is about, and what is there. In a box, because most problems have none.
    pub also: Option<Box<(Range<usize>, String)>>,
    /// What it is about.
    pub matter: Matter,
}

impl Problem {
    /// A problem at a place.
    pub fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::unplaced(message) }
    }

    /// A problem whose place the caller knows.
    pub fn unplaced(message: impl Into<String>) -> Self {
        Self { span: None, message: message.into(), help: None, also: None, matter: Matter::Other }
    }

    /// The same problem, with what it is about.
    #[must_use]
    pub fn about(self, matter: Matter) -> Self {
        Self { matter, ..self }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem with "did you mean", where one of the candidates is close to `word`.
    #[must_use]
    pub fn did_you_mean<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, candidates) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}
