//! `pcamflow doctor`: what this machine has of what pipelines need, a line each, with what to do.

mod place;
mod programs;

use serde::Serialize;

use super::{Exit, args::DoctorArguments, say};

/// The version of `--json`: bumped when a field is renamed, removed or changes its meaning.
const SCHEMA: u32 = 1;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// As it should be.
    Ok,
    /// Works without, but slower, or later.
    Note,
    /// It is there, and cannot be used.
    Wrong,
    /// Something that pipelines need is missing.
    Missing,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    found: String,
    /// What to do, where there is something to do.
    remedy: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), remedy: None }
    }

    fn note(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Note, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn wrong(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Wrong, found: found.into(), remedy: None }
    }

    fn missing(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Missing, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn line(&self) -> String {
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

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    sound: bool,
    checks: &'a [Finding],
}

/// Looks at everything, and says what it found.
pub(super) fn doctor(arguments: &DoctorArguments) -> Exit {
    let mut findings = programs::findings();
    findings.extend(place::findings(arguments));
    let sound = findings.iter().all(|finding| matches!(finding.state, State::Ok | State::Note));
    if arguments.json {
        let whole = Whole { schema: SCHEMA, sound, checks: &findings };
        say(&serde_json::to_string_pretty(&whole).expect("plain data with text keys"));
    } else {
        let lines: Vec<String> = findings.iter().map(Finding::line).collect();
        say(&lines.join("\n"));
    }
    if sound { Exit::Done } else { Exit::Environment }
}
