//! The command line: arguments in, exit code out. Only this module decides exit codes.

mod args;
mod cache;
mod check;
mod commands;
mod compare;
mod complete;
mod completions;
mod doctor;
mod export;
mod git;
mod graph;
mod history;
mod init;
mod log;
mod logging;
mod official;
mod page;
mod path;
mod pin;
mod plan;
mod project;
mod record;
mod results;
mod run;
mod runs;
mod schema;
mod show;
mod start;
mod sweep;
mod verify;
mod watch;
mod worker;

use std::io::IsTerminal;

use crate::{engine::Refused, ui::line as say};

pub use start::main;

/// The hidden command with which the engine starts itself to compute a stage.
pub const SERVE: &str = "__serve";

/// The exit codes, except 4 and 5, which the summary of a run decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Exit {
    /// All is done.
    Done = 0,
    /// A stage failed, or has nothing to show; or what was looked at is not right.
    Failed = 1,
    /// The command line or the pipeline is wrong.
    Usage = 2,
    /// The machine lacks something: libtorch, a GPU, a store that can be written.
    Environment = 3,
    /// The user stopped it.
    Interrupted = 130,
}

impl Exit {
    /// The exit code.
    fn code(self) -> u8 {
        self as u8
    }
}

/// Writes a line to standard error.
fn complain(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl From<&Refused> for Exit {
    fn from(refused: &Refused) -> Self {
        match refused {
            Refused::Wrong(_) => Self::Usage,
            Refused::Store(_) | Refused::Out(_) => Self::Environment,
        }
    }
}
