//! `pcamflow runs export --mlflow`: starts the Python package, which talks to MLflow.
//!
//! MLflow's own client is in Python. It gets the numbers from this binary, like any other program. Knows nothing of
//! MLflow.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;

use super::{Error, Exit, Outcome, history::History};

/// The module that exports.
const MODULE: &str = "pcamflow.mlflow";

/// Which runs to export, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
A run that is in MLflow already is not put there again. Needs the Python packages `pcamflow` and
`mlflow`: `pip install mlflow` into the environment that pcamflow is installed in.")]
pub(super) struct ExportRunsArguments {
    /// The runs: numbers, `latest`, `latest~2`, `3..7` [default: all]
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// The tracking server or folder of MLflow (`http://localhost:5000`, `sqlite:///mlflow.db`)
    #[arg(long, value_name = "URI")]
    mlflow: String,
    /// The experiment [default: the name of the pipeline]
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// Exports runs; the exit code is that of the Python package.
pub(super) fn export(arguments: &ExportRunsArguments) -> Outcome {
    let history = History::open(None, arguments.store.as_deref())?;
    let mut ids = Vec::new();
    for word in &arguments.runs {
        ids.extend(history.named(word).map_err(Error::usage)?.into_iter().map(|file| file.id.to_string()));
    }
    let engine = std::env::current_exe()
        .map_err(|error| Error::environment(format!("pcamflow does not find its own file: {error}")))?;
    let python = python(&engine);
    let status = command(&python, &engine, arguments, ids).status().map_err(|error| {
        Error::environment(format!(
            "the export needs Python, and {} cannot be started: {error}",
            python.display()
        ))
    })?;
    match status.code() {
        Some(0) => Ok(Exit::Done),
        // The package has said what is wrong.
        Some(2) => Ok(Exit::Usage),
        _ => Ok(Exit::Environment),
    }
}

fn command(python: &Path, engine: &Path, arguments: &ExportRunsArguments, ids: Vec<String>) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", MODULE, "--uri", &arguments.mlflow, "--binary"]).arg(engine);
    let given = [
        ("--experiment", arguments.experiment.as_ref().map(OsString::from)),
        ("--store", arguments.store.as_ref().map(OsString::from)),
    ];
    for (option, value) in given {
        if let Some(value) = value {
            command.arg(option).arg(value);
        }
    }
    command.args(ids);
    command
}

/// The Python of the environment that this binary is installed in, or the one on the PATH.
fn python(engine: &Path) -> PathBuf {
    let beside = engine.with_file_name("python3");
    if beside.is_file() { beside } else { PathBuf::from("python3") }
}
