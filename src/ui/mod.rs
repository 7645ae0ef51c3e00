//! The output of commands: progress, summaries, tables, JSON.
//!
//! Listens to the engine's events and knows nothing else about it. Progress (bars, or lines in a log) goes to standard
//! error; the closing summary and the plan go to standard output, so that `pcamflow run p.toml > summary.txt` still
//! shows bars. With `--json`, standard output has the events and nothing else. Nothing is set up before it is needed.

mod apart;
mod bars;
pub mod cache;
pub mod comparison;
mod content;
mod details;
pub mod drawing;
mod ending;
mod epochs;
mod eta;
mod fold;
pub mod format;
pub mod guide;
mod json;
mod markdown;
mod names;
pub mod now;
mod out;
mod paint;
mod pictures;
mod plain;
mod plan;
pub mod remote;
mod repeated;
mod required;
mod result;
mod row;
pub mod run;
pub mod runs;
mod screen;
mod spreads;
mod summary;
mod table;
mod terminal;
#[cfg(test)]
mod testing;
mod trials;
mod trouble;
pub mod verify;
mod view;
mod widths;
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
use out::Stdout;
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
    /// Bars if standard error is a terminal that can draw them, otherwise plain lines.
    #[default]
    Auto,
    /// Plain lines, also on a terminal: log lines on standard error would tear the bars.
    Plain,
    /// One JSON object per event, on standard output.
    Json,
    /// Only warnings and failures.
    Quiet,
}

/// Shows a run. If a text cannot be written (a closed pipe or terminal), the run continues.
#[must_use]
pub fn observer(mode: Mode) -> Box<dyn Observer> {
    observer_going_on(mode, Arc::default())
}

/// Like [`observer`]. If `goes_on` is set when the run ends, another run follows at once.
#[must_use]
pub fn observer_going_on(mode: Mode, goes_on: Arc<AtomicBool>) -> Box<dyn Observer> {
    let lines = |detail| Box::new(plain::Plain::new(stderr(), detail)) as Box<dyn Observer>;
    let closing = || Box::new(summary::Closing::new(Stdout, view_of_stdout, goes_on));
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

/// Prints the plan of a run as a table, or as its `planned` event.
pub fn plan(json: bool, pipeline: &str, stages: &[PlannedStage]) {
    if json {
        let (pipeline, stages) = (pipeline.to_owned(), stages.to_vec());
        return json::Json::new(Stdout).event(&Event::Planned { pipeline, stages });
    }
    write(&plan::text(pipeline, stages, &view_of_stdout()));
}

/// Prints the trials of a sweep as a table, or as its `sweep` event.
pub fn planned_trials(json: bool, trials: &[PlannedTrial], stages: &[PlannedStage]) {
    if json {
        return json::Json::new(Stdout).event(&Event::Sweep { id: None, trials: trials.to_vec() });
    }
    write(&trials::planned(trials, stages, &view_of_stdout()));
}

/// Prints fingerprints as text, or as one JSON object per line.
pub fn details(json: bool, all: &[Details]) {
    let text = |one: &Details| match json {
        true => json::object("fingerprint", one),
        false => format!("\n{}", details::text(one, &view_of_stdout())),
    };
    all.iter().for_each(|one| write(&text(one)));
}

/// Prints the result of a stage. `absent` returns why the bytes of an artifact cannot be read.
pub fn result(json: bool, result: &StageResult, absent: &dyn Fn(&str) -> Option<String>) {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Object<'a, R> {
        stage: &'a str,
        outdated: Option<&'a str>,
        record: Option<&'a R>,
    }
    let (stage, outdated) = (result.stage.as_str(), result.outdated.as_deref());
    write(&match json {
        true => json::object("result", &Object { stage, outdated, record: result.record.as_ref() }),
        false => result::text(result, absent, &view_of_stdout()),
    });
}

/// An artifact and its contents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Artifact {
    /// Its name: `train.base/model`.
    pub artifact: String,
    /// The name of its file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// The path of its bytes.
    pub path: String,
    /// Its contents.
    pub content: Content,
}

/// Prints the contents of an artifact.
pub fn artifact(json: bool, shown: &Artifact) {
    if json {
        return object("artifact", shown);
    }
    let text = content::text(&shown.content, &view_of_stdout());
    write(&match shown.content {
        Content::Picture { .. } | Content::Bytes => {
            let size = format::amount(shown.bytes, 0, "bytes");
            format!("{}: {size}, {text}{}\n", shown.file, format::one_line(&shown.path))
        }
        _ => text,
    });
}

/// Prints a text from elsewhere, such as a log, without escape sequences.
pub fn plain_text(text: &str) {
    write(&format::clean(text));
}

/// Like [`plain_text`], at once; returns whether anyone still reads it.
#[must_use]
pub fn text_as_it_comes(text: &str) -> bool {
    let mut out = out::Out::new(Stdout);
    out.write(&format::clean(text));
    out.flush();
    out.is_open()
}

/// Names after a heading, wrapped if standard output is a terminal.
#[must_use]
pub fn listed(head: &str, names: &[String]) -> String {
    words::listed(head, names, view_of_stdout().width)
}

/// Two observers. The first one draws on the terminal and gets each event before the second one writes.
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

/// Prints a JSON object in the form of an event.
pub fn object(name: &str, value: &impl Serialize) {
    write(&json::object(name, value));
}
