//! `pcamflow push` and `pcamflow pull`: brings results to the store that a team shares, and from it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use clap::Args;

use super::{
    Exit, Outcome,
    args::ProjectArguments,
    project::open,
    remote::{required, writable},
    signals::stop_on_signals,
};
use crate::{
    engine::{
        Engine,
        run::share::{PulledResults, PushedResults},
    },
    ui,
};

/// What to push.
#[derive(Debug, Args)]
#[command(after_help = "\
A run pushes what it computes by itself, unless `push = false`. This command pushes what was
computed before, without the remote, or when it could not be reached. What the remote has already
is not sent again, so a push that was interrupted goes on with the next object. The first result
of a key stays.")]
pub(super) struct PushArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Only these stages and what they need (`*` matches any text)
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Replace other results of the same keys
    #[arg(long)]
    replace: bool,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    json: bool,
}

/// What to pull.
#[derive(Debug, Args)]
#[command(after_help = "\
Fetches the results with all their bytes, for example before a journey. Runs fetch what they need by
themselves. Each byte is checked; a pull that was interrupted goes on where it was.")]
pub(super) struct PullArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Only these stages (`*` matches any text)
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    json: bool,
}

/// Pushes results. The exit code is 1 if bytes are missing, and 3 if the remote did not take something.
pub(super) fn push(arguments: &PushArguments) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    let remote = required(&pipeline.root, arguments.project.remote.as_deref())?;
    let engine = Engine::new(&pipeline, &store, arguments.project.local_engine(&arguments.stages))?;
    writable(&remote)?;
    let stopped = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stopped);
    let pushed =
        engine.push(&remote, arguments.replace, &stopped, &mut *ui::observer(mode(arguments.json)))?;
    ui::remote::pushed(arguments.json, &remote.settings().url, &pushed);
    Ok(match pushed {
        _ if stopped.load(Ordering::SeqCst) => Exit::Interrupted,
        PushedResults { trouble: Some(_), .. } => Exit::Environment,
        PushedResults { incomplete, .. } if !incomplete.is_empty() => Exit::Failed,
        _ => Exit::Done,
    })
}

/// Pulls results. The exit code is 1 if some do not exist, and 3 if some could not be fetched.
pub(super) fn pull(arguments: &PullArguments) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    let remote = Arc::new(required(&pipeline.root, arguments.project.remote.as_deref())?);
    let mut options = arguments.project.local_engine(&arguments.stages);
    options.remote = Some(Arc::clone(&remote));
    let engine = Engine::new(&pipeline, &store, options)?;
    let stopped = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stopped);
    let pulled = engine.pull(&remote, &stopped, &mut *ui::observer(mode(arguments.json)))?;
    ui::remote::pulled(arguments.json, &remote.settings().url, &pulled);
    Ok(if stopped.load(Ordering::SeqCst) {
        Exit::Interrupted
    } else {
        exit(&pulled, remote.trouble().is_some())
    })
}

fn exit(pulled: &PulledResults, in_trouble: bool) -> Exit {
    match pulled {
        _ if in_trouble || !pulled.failed.is_empty() => Exit::Environment,
        PulledResults { not_computed, .. } if !not_computed.is_empty() => Exit::Failed,
        _ => Exit::Done,
    }
}

fn mode(json: bool) -> ui::Mode {
    if json { ui::Mode::Json } else { ui::Mode::Auto }
}
