//! Parses the command line and starts the command that it names.

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use super::{
    Exit, cache, check,
    commands::{Arguments, Command},
    compare, complain, complete, completions, doctor, export, graph, init, log, logging, path, pin, plan,
    run, runs, schema, show, sweep, verify, watch,
};
use crate::{serve, ui};

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
