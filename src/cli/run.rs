//! `pcamflow run`.

use std::sync::{Arc, atomic::AtomicBool};

use super::{
    Error, Exit, Outcome,
    args::RunArguments,
    check::show_notes,
    headline, logging, page,
    plan::dry_run,
    project::{here, open},
    record::Recorder,
    report,
    signals::{self, stop_on_signals},
    sweep::{Recorders, id_of},
    tensorboard::Logged,
    worker::programs,
};
use crate::{
    engine::{
        BatchOptions, Engine, Options,
        exec::executor,
        tell::{
            event::{Observer, SweepRun},
            given::Given,
        },
    },
    pipeline::{self, Pipeline},
    stages::{Logs, RunSettings},
    store::{Asked, RunRecord, Store},
    ui,
};

/// Runs a pipeline, or shows what a run would do.
pub(super) fn run(arguments: &RunArguments) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    if !arguments.quiet {
        show_notes(&pipeline);
    }
    let outcome = run_loaded(arguments, &pipeline, &store);
    // Freeing many stages takes longer than ending the process.
    std::mem::forget(pipeline);
    outcome
}

/// Runs a pipeline that is loaded: one from a file, or all trials of a sweep.
pub(super) fn run_loaded(arguments: &RunArguments, pipeline: &Pipeline, store: &Store) -> Outcome {
    let stopped = Arc::new(AtomicBool::new(false));
    if !arguments.dry_run {
        stop_on_signals(&stopped);
    }
    run_until(arguments, pipeline, store, &stopped, None, ui::observer(mode(arguments)))
}

/// Runs a pipeline until `stopped` is set. `goes_on` says whether another run follows at once
/// ([`Options::goes_on`]).
pub(super) fn run_until(
    arguments: &RunArguments,
    pipeline: &Pipeline,
    store: &Store,
    stopped: &AtomicBool,
    goes_on: Option<Arc<AtomicBool>>,
    shown: Box<dyn Observer>,
) -> Outcome {
    page::check_writable(arguments.summary.as_deref())?;
    if arguments.dry_run {
        return dry_run(arguments, pipeline, store);
    }
    let engine = Engine::new(pipeline, store, Options { goes_on, ..options(arguments, pipeline)? })?;
    let executor = executor(pipeline.run.executor.unwrap_or_default(), programs(), arguments.offline);
    let out = arguments.out.clone().unwrap_or_else(|| pipeline.root.join("out"));
    page::with_page(arguments.summary.as_deref(), shown, |shown| {
        // A frozen run computes and writes nothing, so it is not recorded.
        if arguments.frozen {
            return Ok(Exit::Run(engine.frozen(&out, stopped, shown)?.exit_code()));
        }
        // A refused run creates no store, so the name is noted before the run only in an existing one.
        if store.root().exists() {
            claim(store, pipeline);
        }
        let given = given(arguments);
        let mut logged;
        let shown: &mut dyn Observer = match pipeline.run.logs {
            Some(Logs { tensorboard: true, steps }) => {
                logged = Logged::new(&out.join(&pipeline.name), steps, shown);
                &mut logged
            }
            Some(Logs { tensorboard: false, .. }) | None => shown,
        };
        let mut recorder: Box<dyn Observer> = match pipeline.trials.is_empty() {
            true => Box::new(Recorder::new(store, pipeline, given, Some(shown))),
            false => Box::new(Recorders::new(store, pipeline, &given, shown)),
        };
        let summary = engine.run(&out, &*executor, stopped, &mut *recorder)?;
        claim(store, pipeline);
        let report = report::after(pipeline, store, arguments.project.local_engine(&[]), &summary);
        if !arguments.json && !arguments.quiet {
            headline::print(&summary, report.as_deref());
        }
        Ok(Exit::Run(summary.exit_code()))
    })
}

/// Notes that the pipeline's name belongs to its file. If the store cannot be written, the run itself reports it.
fn claim(store: &Store, pipeline: &Pipeline) {
    if let Err(error) = store.claim(&pipeline.name, &pipeline.file) {
        tracing::debug!("the name of the pipeline is not noted: {error}");
    }
}

/// How to show a run.
pub(super) fn mode(arguments: &RunArguments) -> ui::Mode {
    match (arguments.json, arguments.quiet) {
        (true, _) => ui::Mode::Json,
        (_, true) => ui::Mode::Quiet,
        // Log lines would tear the bars.
        _ if logging::is_on() => ui::Mode::Plain,
        _ => ui::Mode::Auto,
    }
}

/// A record with the command line.
fn given(arguments: &RunArguments) -> RunRecord {
    let pipeline = &arguments.project.pipeline;
    RunRecord {
        set: pipeline.set.clone(),
        data: pipeline.data.as_ref().map(|folder| folder.display().to_string()),
        targets: arguments.stages.clone(),
        forced: arguments.force.clone(),
        asked: Asked {
            device: arguments.device.map(|device| device.to_string()),
            threads: arguments.threads,
            jobs: arguments.jobs.map(|jobs| jobs as usize),
            keep_going: arguments.keep_going,
        },
        ..RunRecord::default()
    }
}

fn options(arguments: &RunArguments, pipeline: &Pipeline) -> Result<Options, Error> {
    let is_sweep = !pipeline.trials.is_empty();
    let RunArguments { device, threads, .. } = *arguments;
    Ok(Options {
        force: arguments.force.clone(),
        settings: RunSettings { device, threads, ..RunSettings::default() },
        jobs: arguments.jobs.map(|jobs| jobs as usize),
        // A failed trial does not stop the others.
        keep_going: arguments.keep_going || is_sweep,
        sweep: is_sweep.then(|| sweep_run(arguments, pipeline)),
        require: arguments.require.clone(),
        batch: batch(arguments),
        ..arguments.project.engine(pipeline, &arguments.stages)?
    })
}

/// A job of a cluster runs this program.
fn batch(arguments: &RunArguments) -> BatchOptions {
    let engine = programs().engine.display().to_string();
    BatchOptions {
        program: vec![engine, super::JOB.to_owned()],
        detach: arguments.detach,
        offline: arguments.offline,
        leave: signals::jobs_go_on(),
    }
}

/// The command that compares the trials. It names the store unless the current folder has the same one.
fn sweep_run(arguments: &RunArguments, pipeline: &Pipeline) -> SweepRun {
    let is_here = pipeline::project_root(here()).is_ok_and(|root| root == pipeline.root);
    let default = (!is_here).then(|| pipeline.root.join(".pcamflow"));
    let (id, store) = (id_of(pipeline), arguments.project.store.clone().or(default));
    let given = Given { store, ..Given::default() };
    SweepRun { compare: format!("pcamflow compare --sweep {id}{}", given.places()), id }
}
