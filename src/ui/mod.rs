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
mod fold;
pub mod format;
mod json;
mod out;
mod paint;
mod pictures;
mod plain;
mod plan;
mod repeated;
mod row;
mod screen;
#[cfg(test)]
mod script;
mod spreads;
mod summary;
mod table;
mod terminal;
mod trouble;
mod words;

use std::{
    io::{IsTerminal, stderr, stdout},
    path::Path,
    sync::Arc,
};

use console::Term;

use crate::engine::event::{Event, Observer, PlannedStage};
use paint::Paint;

pub use json::SCHEMA;
pub use repeated::folded;

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

/// How a text on standard output may look.
#[derive(Debug, Clone, Copy)]
struct View {
    paint: Paint,
    /// Columns of the terminal; `None` where it is none.
    width: Option<usize>,
}

/// Shows a run. What cannot be written (a closed pipe or terminal) is left unsaid: neither a panic nor
/// an error, and the run goes on.
#[must_use]
pub fn observer(mode: Mode) -> Box<dyn Observer> {
    let lines = |detail| Box::new(plain::Plain::new(stderr(), detail)) as Box<dyn Observer>;
    let closing = || Box::new(summary::Closing::new(stdout(), view_of_stdout));
    match mode {
        Mode::Auto if can_draw() => {
            let term = Arc::new(Term::buffered_stderr());
            Box::new(Both(Box::new(terminal::Terminal::new(term, Paint::for_stderr())), closing()))
        }
        Mode::Auto | Mode::Plain => Box::new(Both(lines(plain::Detail::All), closing())),
        Mode::Json => Box::new(json::Json::new(stdout())),
        Mode::Quiet => lines(plain::Detail::Trouble),
    }
}

/// Writes the plan of a run to standard output: the table of `--dry-run`, or with `Mode::Json` its
/// `planned` line.
pub fn plan(mode: Mode, pipeline: &str, stages: &[PlannedStage]) {
    if mode == Mode::Json {
        let (pipeline, stages) = (pipeline.to_owned(), stages.to_vec());
        return json::Json::new(stdout()).event(&Event::Planned { pipeline, stages });
    }
    let mut out = out::Out::new(stdout());
    out.write(&plan::text(pipeline, stages, &view_of_stdout()));
    out.flush();
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

fn view_of_stdout() -> View {
    let columns = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let width = if stdout().is_terminal() { columns() } else { None };
    View { paint: Paint::for_stdout(), width }
}

/// A path as people would type it here.
fn seen_from_here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    format::path(path, &here)
}
