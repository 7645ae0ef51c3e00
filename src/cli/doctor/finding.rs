//! What `pcamflow doctor` finds of one thing. Plain data.

use serde::Serialize;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Works without, but slower, or later.
    Note,
    /// It exists, but cannot be used.
    Wrong,
    /// Something that pipelines need is missing.
    Missing,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) state: State,
    pub(super) found: String,
    /// What to do, where there is something to do.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), remedy: None }
    }

    pub(super) fn note(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Note, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn wrong(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Wrong, found: found.into(), remedy: None }
    }

    pub(super) fn missing(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Missing, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn line(&self) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "wrong",
            State::Missing => "missing",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!(": {remedy}")).unwrap_or_default();
        // What others say (the dynamic linker) may have several lines; here each thing has one.
        let told = format!("{}{remedy}", self.found);
        let told: Vec<&str> = told.split_whitespace().collect();
        format!("{state:7}  {:8}  {}", self.check, told.join(" "))
    }
}
