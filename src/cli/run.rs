//! `pcamflow run`.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    Exit,
    args::RunArguments,
    check::tell_notes,
    logging, page,
    plan::{PlanArguments, plan_loaded},
    project::{open, tell},
    record::{About, Recorder},
    sweep::{Recorders, id_of},
    worker::programs,
};
use crate::{
    engine::{
        Engine, Options,
        exec::executor,
        tell::{
            event::{Observer, SweepRun},
            given::Given,
        },
    },
    offspring,
    pipeline::{self, Pipeline},
    stages::RunSettings,
    store::{Asked, Store},
    ui,
};

/// Runs a pipeline, or shows what a run would do.
pub(super) fn run(arguments: &RunArguments) -> u8 {
    match open(&arguments.pipeline, arguments.store.as_ref()) {
        Ok((pipeline, store)) => {
            if !arguments.quiet {
                tell_notes(&pipeline);
            }
            let code = run_loaded(arguments, &pipeline, &store);
            // The process ends: of many stages, taking it apart would cost more than leaving it.
            std::mem::forget(pipeline);
            code
        }
        Err(exit) => exit.code(),
    }
}

/// As [`run`], of a pipeline that is loaded: one from a file, or all trials of a sweep.
pub(super) fn run_loaded(arguments: &RunArguments, pipeline: &Pipeline, store: &Store) -> u8 {
    let stopped = Arc::new(AtomicBool::new(false));
    if !arguments.dry_run {
        stop_on_signals(&stopped);
    }
    run_until(arguments, pipeline, store, &stopped, None, ui::observer(mode(arguments)))
}

/// As [`run_loaded`], until `stopped` is set; signals, who shows the run and whether another one follows at once
/// ([`Options::goes_on`]) are the caller's matter.
pub(super) fn run_until(
    arguments: &RunArguments,
    pipeline: &Pipeline,
    store: &Store,
    stopped: &AtomicBool,
    goes_on: Option<Arc<AtomicBool>>,
    shown: Box<dyn Observer>,
) -> u8 {
    if let Err(exit) = page::is_writable(arguments.summary.as_deref()) {
        return exit.code();
    }
    if arguments.dry_run {
        return plan_loaded(&PlanArguments::from(arguments), pipeline, store, false).code();
    }
    let options = Options { goes_on, ..options(arguments, pipeline) };
    let engine = Engine::new(pipeline, store, options);
    engine
        .and_then(|engine| real_run(arguments, &engine, pipeline, store, stopped, shown))
        .unwrap_or_else(|refused| tell(&refused).code())
}

fn real_run(
    arguments: &RunArguments,
    engine: &Engine<'_>,
    pipeline: &Pipeline,
    store: &Store,
    stopped: &AtomicBool,
    shown: Box<dyn Observer>,
) -> Result<u8, crate::engine::Refused> {
    let executor = executor(pipeline.run.executor.unwrap_or_default(), programs(), arguments.offline);
    let out = arguments.out.clone().unwrap_or_else(|| pipeline.root.join("out"));
    page::with_page(arguments.summary.as_deref(), shown, |shown| {
        // Nothing is computed, and nothing is written: there is no run to record.
        if arguments.frozen {
            return Ok(engine.frozen(&out, shown)?.exit_code());
        }
        // A run that is refused makes no store: only in one that is there the name is noted before.
        if store.root().exists() {
            claim(store, pipeline);
        }
        let about = about(arguments);
        let mut recorder: Box<dyn Observer> = match pipeline.trials.is_empty() {
            true => Box::new(Recorder::new(store, pipeline, about, Some(shown))),
            false => Box::new(Recorders::new(store, pipeline, &about, shown)),
        };
        let summary = engine.run(&out, &*executor, stopped, &mut *recorder)?;
        claim(store, pipeline);
        Ok(summary.exit_code())
    })
}

/// Notes that the pipeline's name belongs to its file. Where the store cannot be written, the run says so.
fn claim(store: &Store, pipeline: &Pipeline) {
    if let Err(error) = store.claim(&pipeline.name, &pipeline.file) {
        tracing::debug!("the name of the pipeline is not noted: {error}");
    }
}

/// Ctrl-C (and SIGTERM, SIGHUP) stop the run; what is finished, trained epochs included, is kept.
pub(super) fn stop_on_signals(stopped: &Arc<AtomicBool>) {
    let stopped = Arc::clone(stopped);
    let set = ctrlc::set_handler(move || {
        if stopped.swap(true, Ordering::SeqCst) {
            end_at_once();
        }
    });
    if let Err(error) = set {
        tracing::debug!("no signal handler: {error}");
    }
}

/// Asked twice to stop: ends everything that computes, whatever it is doing, and this process.
pub(super) fn end_at_once() -> ! {
    offspring::end_below(std::process::id());
    std::process::exit(Exit::Interrupted.code().into());
}

/// How to show a run.
pub(super) fn mode(arguments: &RunArguments) -> ui::Mode {
    match (arguments.json, arguments.quiet) {
        (true, _) => ui::Mode::Json,
        (_, true) => ui::Mode::Quiet,
        // Log lines would tear the bars.
        _ if logging::wanted() => ui::Mode::Plain,
        _ => ui::Mode::Auto,
    }
}

/// What the record says of the command line.
fn about(arguments: &RunArguments) -> About {
    About {
        set: arguments.pipeline.set.clone(),
        data: arguments.pipeline.data.as_ref().map(|folder| folder.display().to_string()),
        targets: arguments.stages.clone(),
        forced: arguments.force.clone(),
        asked: Asked {
            device: arguments.device.map(|device| device.to_string()),
            threads: arguments.threads,
            jobs: arguments.jobs.map(|jobs| jobs as usize),
            keep_going: arguments.keep_going,
        },
        sweep: None,
    }
}

fn options(arguments: &RunArguments, pipeline: &Pipeline) -> Options {
    let is_sweep = !pipeline.trials.is_empty();
    Options {
        targets: arguments.stages.clone(),
        force: arguments.force.clone(),
        settings: RunSettings {
            device: arguments.device,
            threads: arguments.threads,
            ..RunSettings::default()
        },
        jobs: arguments.jobs.map(|jobs| jobs as usize),
        // A trial that fails stops no other.
        keep_going: arguments.keep_going || is_sweep,
        sweep: is_sweep.then(|| sweep_run(arguments, pipeline)),
        require: arguments.require.clone(),
        given: arguments.pipeline.given(arguments.store.as_ref()),
        goes_on: None,
    }
}

/// How the sweep is asked for later: with the store, where this folder has another one.
fn sweep_run(arguments: &RunArguments, pipeline: &Pipeline) -> SweepRun {
    let here = pipeline::project_root(Path::new("pipeline.toml")).ok();
    let store = match &arguments.store {
        Some(store) => Some(store.clone()),
        None => (here.as_ref() != Some(&pipeline.root)).then(|| pipeline.root.join(".pcamflow")),
    };
    let (id, given) = (id_of(pipeline), Given { store, ..Given::default() });
    SweepRun { compare: format!("pcamflow compare --sweep {id}{}", given.places()), id }
}
