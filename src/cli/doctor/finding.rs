//! A finding of `pcamflow doctor`. Plain data.

use serde::Serialize;

/// The state of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Works without it, but slower or later.
    Note,
    /// It exists, but cannot be used.
    Wrong,
    /// Pipelines need it, and it is missing.
    Missing,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) state: State,
    pub(super) found: String,
    /// What to do about it.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), remedy: None }
    }

    pub(super) fn wrong(check: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Wrong, ..Self::ok(check, found) }
    }

    pub(super) fn note(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Note, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    pub(super) fn missing(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Missing, ..Self::note(check, found, remedy) }
    }

    pub(super) fn line(&self) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "wrong",
            State::Missing => "missing",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!(": {remedy}")).unwrap_or_default();
        // Messages from elsewhere (the dynamic linker) may have several lines.
        let text = format!("{}{remedy}", self.found);
        let words: Vec<&str> = text.split_whitespace().collect();
        format!("{state:7}  {:8}  {}", self.check, words.join(" "))
    }
}
