//! Everything that people, and programs, see of a run.
//!
//! Listens to the engine's events and knows nothing else of it. Progress (bars, or lines in a log)
//! goes to standard error, because it is about the run and of no use afterwards; the closing summary
//! and the plan go to standard output, because they are what the command was asked for: so that
//! `pcamflow run mini.toml > summary.txt` still shows bars and keeps a summary without them. With
//! `--json`, standard output has the events and nothing else.
//!
//! Nothing is set up before it is needed: a run that is all cached writes one line, and starts no thread.

mod bars;
pub mod cache;
pub mod comparison;
mod content;
mod details;
pub mod drawing;
mod ending;
mod fold;
pub mod format;
mod json;
mod listed;
mod markdown;
mod out;
mod paint;
mod pictures;
mod plain;
mod plan;
mod repeated;
mod required;
mod result;
mod row;
pub mod runs;
mod screen;
#[cfg(test)]
mod script;
mod spreads;
mod summary;
mod table;
mod terminal;
mod trials;
mod trouble;
pub mod verify;
mod view;
mod words;

use std::{
    io::{IsTerminal, stderr},
    sync::{Arc, atomic::AtomicBool},
};

use console::Term;
use serde::Serialize;

use crate::{
    engine::{
        plan::{details::Details, results::StageResult},
        tell::{
            event::{Event, Observer, PlannedStage},
            trials::PlannedTrial,
        },
    },
    inspect::Content,
};
use out::{Out, Stdout};
use paint::Paint;
use view::{View, view_of_stdout, write};

pub use json::{SCHEMA, schema};
pub use markdown::Markdown;
pub use out::{lost, remembered};
pub use repeated::folded;
pub use view::{line, seen_from_here};

/// How to show a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Bars where standard error is a terminal that can draw them, else plain lines.
    #[default]
    Auto,
    /// Plain lines, also on a terminal: for logs, and beside a `tracing` subscriber on standard
    /// error, whose lines would tear the bars.
    Plain,
    /// One JSON object an event, on standard output.
    Json,
    /// Warnings and failures alone.
    Quiet,
}

/// Shows a run. What cannot be written (a closed pipe or terminal) is left unsaid: neither a panic nor
/// an error, and the run goes on.
#[must_use]
pub fn observer(mode: Mode) -> Box<dyn Observer> {
    observer_going_on(mode, Arc::default())
}

/// As [`observer`], of a run after which it goes on (there will be another one) where that is set by its end.
#[must_use]
pub fn observer_going_on(mode: Mode, goes_on: Arc<AtomicBool>) -> Box<dyn Observer> {
    let lines = |detail| Box::new(plain::Plain::new(stderr(), detail)) as Box<dyn Observer>;
    let closing = || Box::new(summary::Closing::going_on(Stdout, view_of_stdout, goes_on));
    match mode {
        Mode::Auto if can_draw() => {
            let term = Arc::new(Term::buffered_stderr());
            Box::new(Both(Box::new(terminal::Terminal::new(term, Paint::for_stderr())), closing()))
        }
        Mode::Auto | Mode::Plain => Box::new(Both(lines(plain::Detail::All), closing())),
        Mode::Json => Box::new(json::Json::new(Stdout)),
        Mode::Quiet => lines(plain::Detail::Trouble),
    }
}

/// Writes the plan of a run to standard output: the table of `--dry-run`, or with `Mode::Json` its
/// `planned` line.
pub fn plan(mode: Mode, pipeline: &str, stages: &[PlannedStage]) {
    if mode == Mode::Json {
        let (pipeline, stages) = (pipeline.to_owned(), stages.to_vec());
        return json::Json::new(Stdout).event(&Event::Planned { pipeline, stages });
    }
    write(&plan::text(pipeline, stages, &view_of_stdout()));
}

/// Writes the trials of a sweep to standard output, before the plan of their stages: a table, or with
/// `Mode::Json` the `sweep` line.
pub fn planned_trials(mode: Mode, trials: &[PlannedTrial], stages: &[PlannedStage]) {
    if mode == Mode::Json {
        return json::Json::new(Stdout).event(&Event::Sweep { id: None, trials: trials.to_vec() });
    }
    write(&trials::planned(trials, stages, &view_of_stdout()));
}

/// Writes fingerprints to standard output: as texts, or with `Mode::Json` one object a line.
pub fn details(mode: Mode, all: &[Details]) {
    let mut out = Out::new(Stdout);
    for one in all {
        out.write(&match mode {
            Mode::Json => json::object("fingerprint", one),
            Mode::Auto | Mode::Plain | Mode::Quiet => format!("\n{}", details::text(one, &view_of_stdout())),
        });
    }
    out.flush();
}

/// Writes what is known of a stage's result. `absent` says of an artifact why its bytes cannot be read.
pub fn result(mode: Mode, result: &StageResult, absent: &dyn Fn(&str) -> Option<String>) {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Object<'a, R> {
        stage: &'a str,
        outdated: Option<&'a str>,
        record: Option<&'a R>,
    }
    let (stage, outdated) = (result.stage.as_str(), result.outdated.as_deref());
    write(&match mode {
        Mode::Json => json::object("result", &Object { stage, outdated, record: result.record.as_ref() }),
        Mode::Auto | Mode::Plain | Mode::Quiet => result::text(result, absent, &view_of_stdout()),
    });
}

/// An artifact, and what is in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfArtifact {
    /// Its name: `train.base/model`.
    pub artifact: String,
    /// The name of its file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Where its bytes are.
    pub path: String,
    /// What is in it.
    pub content: Content,
}

/// Writes what is in an artifact.
pub fn content(mode: Mode, of: &OfArtifact) {
    let shown = |view: &View| {
        let text = content::text(&of.content, view);
        // A picture's size says little without the picture.
        let whole = matches!(of.content, Content::Picture { .. } | Content::Bytes);
        let size = format::amount(of.bytes, 0, "bytes");
        if whole { format!("{}: {size}, {text}{}\n", of.file, format::one_line(&of.path)) } else { text }
    };
    write(&match mode {
        Mode::Json => json::object("artifact", of),
        Mode::Auto | Mode::Plain | Mode::Quiet => shown(&view_of_stdout()),
    });
}

/// Writes a text from elsewhere, such as a log, to standard output: without escape sequences.
pub fn plain_text(text: &str) {
    write(&format::clean(text));
}

/// Names behind what they are of, for standard output: folded where that is a terminal.
#[must_use]
pub fn listed(head: &str, names: &[String]) -> String {
    listed::text(head, names, view_of_stdout().width)
}

/// Two that listen: the first may still draw where the second writes, so it hears first.
struct Both(Box<dyn Observer>, Box<dyn Observer>);

impl Observer for Both {
    fn event(&mut self, event: &Event) {
        self.0.event(event);
        self.1.event(event);
    }
}

fn can_draw() -> bool {
    stderr().is_terminal() && !console::is_dumb()
}

/// Writes what is no event of a run to standard output, as an object in the form of one.
pub fn object(name: &str, value: &impl Serialize) {
    write(&json::object(name, value));
}
