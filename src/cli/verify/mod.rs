//! `pcamflow verify`: computes results again and checks that they are as their kinds promise.

mod judge;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
};

use clap::Args;

use super::{
    Error, Exit, Outcome, args::ProjectArguments, project::open, signals::stop_on_signals, worker::programs,
};
use crate::{
    engine::{Engine, Options, exec::executor, run::again::Again},
    fsx,
    protocol::{Failure, FailureClass},
    stages::{DeviceChoice, Equality, RunSettings},
    ui,
};

/// What to verify, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
Each kind of stage promises how reproducible its results are:
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
  pcamflow verify p.toml 'explain.*' --device cpu        compare GPU results with the CPU
  pcamflow verify p.toml train.base --keep again         keep the new results in again/train.base")]
pub(super) struct VerifyArguments {
    /// The pipeline and its store.
    #[command(flatten)]
    project: ProjectArguments,
    /// The stages (`kind.name`, `kind.name@seed`; `*` matches any text)
    #[arg(value_name = "STAGE", required = true)]
    stages: Vec<String>,
    /// The device to compute on: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,
    /// The number of CPU threads
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Block network access for the programs of `command` stages
    #[arg(long)]
    offline: bool,
    /// The tolerance for numbers, for kinds of stages that promise one
    #[arg(long, value_name = "PART", default_value_t = Equality::TOLERANCE, value_parser = tolerance)]
    tolerance: f64,
    /// Keep the new results, in one folder per stage below DIR [default: they are removed]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print one JSON object per stage instead of text
    #[arg(long)]
    json: bool,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| format!("`{text}` is not a tolerance: write a number of at least 0, such as 1e-4"))
}

/// Computes stages again and compares the results.
pub(super) fn verify(arguments: &VerifyArguments) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    let VerifyArguments { device, threads, json, .. } = *arguments;
    let settings = RunSettings { device, threads, ..RunSettings::default() };
    let options = Options { settings, ..arguments.project.local_engine(&arguments.stages) };
    let engine = Engine::new(&pipeline, &store, options)?;
    let stopped = Arc::new(AtomicBool::new(false));
    stop_on_signals(&stopped);
    let executor = executor(pipeline.run.executor.unwrap_or_default(), programs(), arguments.offline);
    // The exit code is that of the first stage that is not as promised.
    let mut exit = Exit::Done;
    let mut then = |stage: &str, again: Result<Again, Failure>| {
        let next = match again {
            Ok(again) => compare(arguments, &again).unwrap_or_else(Error::report),
            Err(_) if stopped.load(Ordering::SeqCst) => Exit::Interrupted,
            Err(failure) => {
                ui::verify::refused(json, stage, &failure);
                match failure.class {
                    FailureClass::Environment => Exit::Environment,
                    FailureClass::Stage | FailureClass::Process | FailureClass::Timeout => Exit::Failed,
                }
            }
        };
        if exit == Exit::Done {
            exit = next;
        }
    };
    engine.compute_again(&*executor, &stopped, &mut *ui::verify::progress(json), &mut then)?;
    Ok(if stopped.load(Ordering::SeqCst) { Exit::Interrupted } else { exit })
}

fn compare(arguments: &VerifyArguments, again: &Again) -> Outcome {
    let kept = arguments.keep.as_ref().map(|folder| folder.join(&again.stage));
    for (folder, pair) in
        kept.iter().flat_map(|folder| again.artifacts.iter().map(move |pair| (folder, pair)))
    {
        keep(&pair.again, &pair.file.under(folder))?;
    }
    let judged = judge::judge(again, arguments.tolerance, kept);
    let judged = judged.map_err(|error| Error::failed(format!("`{}`: {error:#}", again.stage)))?;
    ui::verify::show(arguments.json, &judged);
    Ok(if judged.as_promised { Exit::Done } else { Exit::Failed })
}

/// Copies a file, or a folder with everything in it.
fn keep(from: &Path, to: &Path) -> fsx::Result<()> {
    if !from.is_dir() {
        return fsx::copy_whole(from, to, true);
    }
    fsx::create_folder(to)?;
    fsx::list(from)?.iter().try_for_each(|name| keep(&from.join(name), &to.join(name)))
}
