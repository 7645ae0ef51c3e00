//! The command line: arguments in, exit code out. The only place that decides what is an exit code.

mod args;
mod cache;
mod check;
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
mod sweep;
mod verify;
mod watch;
mod worker;

use std::{ffi::OsString, io::IsTerminal, process::ExitCode};

use args::{Arguments, Command};
use clap::Parser;

use crate::{
    engine::Refused,
    serve,
    ui::{self, line as say},
};

/// The hidden command with which the engine starts itself to compute a stage.
pub const SERVE: &str = "__serve";

/// How the program ends, but for what a run's summary decides (which besides knows 4 and 5).
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

/// Runs the program; the arguments begin with its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(told(usage(&error))),
    };
    // Of a plan, the first -v asks for fingerprints.
    let planning = matches!(arguments.command, Command::Plan(_));
    logging::start(arguments.verbose.saturating_sub(u8::from(planning)));
    let code = match arguments.command {
        Command::Plan(plan) => plan::plan(&plan, arguments.verbose > 0).code(),
        Command::Run(arguments) => run::run(&arguments),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Watch(arguments) => watch::watch(&arguments),
        Command::Show(show) => show::show(&show).code(),
        Command::Log(log) => log::log(&log).code(),
        Command::Path(path) => path::path(&path).code(),
        Command::Export(export) => export::export(&export).code(),
        Command::Pin(pin) => pin::pin(&pin).code(),
        Command::Check(arguments) => check::check(&arguments).code(),
        Command::Graph(arguments) => graph::graph(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments).code(),
        Command::Init(arguments) => init::init(&arguments).code(),
        Command::Schema(arguments) => schema::schema(&arguments).code(),
        Command::Completions(arguments) => completions::completions(&arguments).code(),
        Command::Complete(arguments) => complete::complete(&arguments).code(),
        Command::Runs(arguments) => runs::runs(&arguments).code(),
        Command::Compare(arguments) => compare::compare_runs(&arguments).code(),
        Command::Verify(arguments) => verify::verify(&arguments).code(),
        Command::Cache(arguments) => cache::cache(&arguments).code(),
        Command::Serve => return serve::serve(crate::jobs::versions(), crate::jobs::run, crate::jobs::check),
    };
    ExitCode::from(told(code))
}

/// Help and version go to standard output and are no error.
fn usage(error: &clap::Error) -> u8 {
    let printed = error.print();
    if error.use_stderr() {
        return Exit::Usage.code();
    }
    printed.unwrap_or_else(|error| drop(ui::remembered(error)));
    Exit::Done.code()
}

/// The exit code, once all of standard output is written: if that failed, the message says why.
fn told(code: u8) -> u8 {
    let Some(error) = ui::lost() else { return code };
    complain(&format!("error: standard output could not be written: {error}"));
    if code == Exit::Done.code() { Exit::Environment.code() } else { code }
}

/// Says what is wrong, on standard error.
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
