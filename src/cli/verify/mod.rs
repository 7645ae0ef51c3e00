//! `pcamflow verify`: are results what their kinds promise when they are computed again?

mod judge;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
};

use clap::Args;

use super::{
    Exit,
    args::PipelineArguments,
    complain,
    export::copy,
    project::{open, tell},
    run::stop_on_signals,
    worker::programs,
};
use crate::{
    engine::{
        Engine, Options, Refused,
        exec::Processes,
        run::again::{Again, NotAgain},
    },
    fsx,
    pipeline::Pipeline,
    protocol::FailureClass,
    stages::{DeviceChoice, Equality, RunSettings},
    store::Store,
    ui,
};

/// What to verify, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
What is promised depends on the kind of stage:
  synthesize, split, preview                  the same bytes, anywhere
  train, resume-train, command                the same bytes on the same machine, device and
                                              threads; elsewhere another valid result:
                                              differences are reported only
  evaluate, explain, metrics, sanity          the same numbers within the tolerance, on any
                                              device and threads
Numbers are within the tolerance if they differ by at most that fraction of the largest number in
their column or array. Pictures and texts are made from those numbers: their differences are
reported, but do not count.

Exit codes: 0 as promised, 1 not (or nothing to compare with), 2 usage, 3 environment,
130 interrupted.

Examples:
  pcamflow verify p.toml split.pcam
  pcamflow verify p.toml 'explain.*' --device cpu        made on a GPU? then the CPU says the same
  pcamflow verify p.toml train.base --keep again         and keep what came out in again/train.base")]
pub(super) struct VerifyArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// The stages (`kind.name`, `kind.name@seed`; `*` stands for any text)
    #[arg(value_name = "STAGE", required = true)]
    pub(super) stages: Vec<String>,
    /// Where tensors live this time: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE")]
    pub(super) device: Option<DeviceChoice>,
    /// CPU threads this time
    #[arg(long, value_name = "N", value_parser = super::args::at_least_one)]
    pub(super) threads: Option<u32>,
    /// Keep the programs of `command` stages off the network
    #[arg(long)]
    pub(super) offline: bool,
    /// How far numbers may be apart, where a tolerance is promised
    #[arg(long, value_name = "PART", default_value_t = Equality::TOLERANCE, value_parser = tolerance)]
    pub(super) tolerance: f64,
    /// Keep what is computed in a folder per stage below DIR [default: it is removed]
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// One JSON object a stage instead of text, for machines
    #[arg(long)]
    pub(super) json: bool,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| format!("`{text}` is no tolerance: write a number, 0 or more, such as 1e-4"))
}

/// Computes stages again and compares.
pub(super) fn verify(arguments: &VerifyArguments) -> Exit {
    let (pipeline, store) = match open(&arguments.pipeline, arguments.store.as_ref()) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    verified(arguments, &pipeline, &store).unwrap_or_else(|refused| tell(&refused))
}

fn verified(arguments: &VerifyArguments, pipeline: &Pipeline, store: &Store) -> Result<Exit, Refused> {
    let settings =
        RunSettings { device: arguments.device, threads: arguments.threads, ..RunSettings::default() };
    let given = arguments.pipeline.given(arguments.store.as_ref());
    let options = Options { targets: arguments.stages.clone(), settings, given, ..Options::default() };
    let engine = Engine::new(pipeline, store, options)?;
    let stopped = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stopped);
    let executor = Processes::new(programs()).offline(arguments.offline);
    let mut progress = ui::verify::progress(arguments.json);
    let mut exit = Exit::Done;
    let mut then = |again: Result<Again, NotAgain>| {
        let one = match again {
            Ok(again) => told(arguments, &again),
            Err(not) => refused(arguments, &not, stopped.load(Ordering::SeqCst)),
        };
        // Of several, the first that is not as it should be.
        if exit == Exit::Done {
            exit = one;
        }
    };
    engine.compute_again(&executor, &stopped, &mut *progress, &mut then)?;
    Ok(if stopped.load(Ordering::SeqCst) { Exit::Interrupted } else { exit })
}

fn told(arguments: &VerifyArguments, again: &Again) -> Exit {
    let kept = arguments.keep.as_ref().map(|folder| folder.join(&again.stage));
    if let Some(folder) = &kept
        && let Err(error) = keep(again, folder)
    {
        complain(&format!("error: {error}"));
        return Exit::Environment;
    }
    let judged = match judge::judge(again, arguments.tolerance, kept) {
        Ok(judged) => judged,
        Err(error) => {
            complain(&format!("error: `{}`: {error:#}", again.stage));
            return Exit::Failed;
        }
    };
    ui::verify::show(arguments.json, &judged);
    if judged.as_promised { Exit::Done } else { Exit::Failed }
}

fn keep(again: &Again, folder: &Path) -> fsx::Result<()> {
    again.artifacts.iter().try_for_each(|pair| keep_one(&pair.again, &folder.join(&pair.file)))
}

/// Copies a file, or a folder with all in it.
fn keep_one(from: &Path, to: &Path) -> fsx::Result<()> {
    if !from.is_dir() {
        return copy(from, to, true);
    }
    fsx::create_folder(to)?;
    fsx::list(from)?.iter().try_for_each(|name| keep_one(&from.join(name), &to.join(name)))
}

fn refused(arguments: &VerifyArguments, not: &NotAgain, stopped: bool) -> Exit {
    if stopped {
        return Exit::Interrupted;
    }
    ui::verify::refused(arguments.json, &not.stage, &not.failure);
    match not.failure.class {
        FailureClass::Environment => Exit::Environment,
        FailureClass::Stage | FailureClass::Process | FailureClass::Timeout => Exit::Failed,
    }
}
