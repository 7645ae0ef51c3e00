//! `pcamflow verify`: computes results again and checks that they are as their kinds promise.

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
    project::{open, tell},
    run::stop_on_signals,
    worker::programs,
};
use crate::{
    engine::{Engine, Options, Refused, exec::executor, run::again::Again},
    fsx,
    pipeline::Pipeline,
    protocol::{Failure, FailureClass},
    stages::{DeviceChoice, Equality, RunSettings},
    store::Store,
    ui,
};

/// What to verify, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
Each kind of stage promises how equal its results are:
  synthesize, split, preview                  the same bytes, anywhere
  train, resume-train, command                the same bytes on the same machine, device and
                                              threads; elsewhere one valid result of many,
                                              so differences are reported but not judged
  evaluate, explain, metrics, sanity          the same numbers within the tolerance, on any
                                              device and any number of threads
Numbers are within the tolerance if their difference, divided by the largest number of their column
or array, is at most the tolerance. Pictures and texts are made from these numbers: their
differences are reported but not judged.

Exit codes: 0 as promised, 1 not as promised (or nothing to compare with), 2 usage,
3 environment, 130 interrupted.

Examples:
  pcamflow verify p.toml split.pcam
  pcamflow verify p.toml 'explain.*' --device cpu        compare results of a GPU with the CPU
  pcamflow verify p.toml train.base --keep again         keep the new results in again/train.base")]
pub(super) struct VerifyArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// The stages (`kind.name`, `kind.name@seed`; `*` matches any text)
    #[arg(value_name = "STAGE", required = true)]
    pub(super) stages: Vec<String>,
    /// The device to compute on: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE")]
    pub(super) device: Option<DeviceChoice>,
    /// The number of CPU threads
    #[arg(long, value_name = "N", value_parser = super::args::at_least_one)]
    pub(super) threads: Option<u32>,
    /// Block network access for the programs of `command` stages
    #[arg(long)]
    pub(super) offline: bool,
    /// The tolerance for numbers, where the kind promises one
    #[arg(long, value_name = "PART", default_value_t = Equality::TOLERANCE, value_parser = tolerance)]
    pub(super) tolerance: f64,
    /// Keep the new results, in one folder per stage below DIR [default: they are removed]
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Print one JSON object per stage instead of text
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
    let executor = executor(pipeline.run.executor.unwrap_or_default(), programs(), arguments.offline);
    let mut progress = ui::verify::progress(arguments.json);
    let mut exit = Exit::Done;
    let mut then = |stage: &str, again: Result<Again, Failure>| {
        let one = match again {
            Ok(again) => told(arguments, &again),
            Err(_) if stopped.load(Ordering::SeqCst) => Exit::Interrupted,
            Err(failure) => refused(arguments, stage, &failure),
        };
        // Of several, the first that is not as it should be.
        if exit == Exit::Done {
            exit = one;
        }
    };
    engine.compute_again(&*executor, &stopped, &mut *progress, &mut then)?;
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
    again.artifacts.iter().try_for_each(|pair| keep_one(&pair.again, &pair.file.under(folder)))
}

/// Copies a file, or a folder with all in it.
fn keep_one(from: &Path, to: &Path) -> fsx::Result<()> {
    if !from.is_dir() {
        return fsx::copy_whole(from, to, true);
    }
    fsx::create_folder(to)?;
    fsx::list(from)?.iter().try_for_each(|name| keep_one(&from.join(name), &to.join(name)))
}

fn refused(arguments: &VerifyArguments, stage: &str, failure: &Failure) -> Exit {
    ui::verify::refused(arguments.json, stage, failure);
    match failure.class {
        FailureClass::Environment => Exit::Environment,
        FailureClass::Stage | FailureClass::Process | FailureClass::Timeout => Exit::Failed,
    }
}
