//! Parses the command line and starts the command that it names.

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use super::{
    Error, Exit, cache, check,
    commands::{Arguments, Command},
    compare, complain, complete, completions, doctor, explain, export, graph, guide, init, job, log, logging,
    path, pin, plan, push, report, run, runs, schema, show, status, sweep, verify, watch,
};
use crate::{serve, ui};

/// Runs the program; the first argument is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return finished(usage(&error)),
    };
    // For `plan`, the first -v asks for fingerprints.
    let planning = matches!(arguments.command, Command::Plan(_));
    logging::start(arguments.verbose.saturating_sub(u8::from(planning)));
    let outcome = match arguments.command {
        Command::Plan(plan) => plan::plan(&plan, arguments.verbose > 0),
        Command::Run(arguments) => run::run(&arguments),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Watch(arguments) => watch::watch(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Log(arguments) => log::log(&arguments),
        Command::Path(arguments) => path::path(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Push(arguments) => push::push(&arguments),
        Command::Pull(arguments) => push::pull(&arguments),
        Command::Pin(arguments) => pin::pin(arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Graph(arguments) => graph::graph(&arguments),
        Command::Guide(arguments) => guide::guide(&arguments),
        Command::Doctor(arguments) => Ok(doctor::doctor(&arguments)),
        Command::Init(arguments) => init::init(&arguments),
        Command::Schema(arguments) => Ok(schema::schema(&arguments)),
        Command::Completions(arguments) => Ok(completions::completions(&arguments)),
        Command::Complete(arguments) => Ok(complete::complete(&arguments)),
        Command::Runs(arguments) => runs::runs(&arguments),
        Command::Compare(arguments) => compare::compare_runs(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::Cache(arguments) => cache::cache(&arguments),
        Command::Job(arguments) => job::job(&arguments),
        Command::Serve => return serve::serve(crate::jobs::versions(), crate::jobs::run, crate::jobs::check),
    };
    finished(outcome.unwrap_or_else(Error::report))
}

/// Prints a mistake on the command line, or help or the version, which are no mistakes.
fn usage(error: &clap::Error) -> Exit {
    let printed = error.print();
    if error.use_stderr() {
        return Exit::Usage;
    }
    printed.unwrap_or_else(|error| drop(ui::remembered(error)));
    Exit::Done
}

/// The exit code, after all of standard output is written. If that fails, it is an error.
fn finished(exit: Exit) -> ExitCode {
    let Some(error) = ui::lost() else { return exit.code().into() };
    complain(&format!("error: standard output could not be written: {error}"));
    if exit.code() == 0 { Exit::Environment.code().into() } else { exit.code().into() }
}
