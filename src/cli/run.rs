//! `pcamflow run`.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Exit, args::RunArguments, check::load, complain, worker::programs};
use crate::{
    engine::{
        Engine, Options,
        event::Summary,
        exec::{Executor, Processes},
    },
    pipeline::Pipeline,
    protocol::FailureClass,
    stages::RunSettings,
    store::{self, Store},
    ui,
};

/// Runs a pipeline, or shows what a run would do.
pub(super) fn run(arguments: &RunArguments) -> Exit {
    let pipeline = match load(&arguments.pipeline) {
        Ok(pipeline) => pipeline,
        Err(exit) => return exit,
    };
    match Store::open(&store_folder(arguments, &pipeline), store::Options::default()) {
        Ok(store) => with_store(arguments, &pipeline, &store),
        Err(error) => {
            complain(&format!("error: {error}"));
            Exit::Environment
        }
    }
}

fn with_store(arguments: &RunArguments, pipeline: &Pipeline, store: &Store) -> Exit {
    let result = Engine::new(pipeline, store, options(arguments)).and_then(|engine| {
        if arguments.dry_run {
            dry_run(arguments, &engine, pipeline)
        } else {
            real_run(arguments, &engine, pipeline)
        }
    });
    result.unwrap_or_else(|refused| {
        for line in refused.to_string().lines() {
            complain(&format!("error: {line}"));
        }
        Exit::from(&refused)
    })
}

fn dry_run(
    arguments: &RunArguments,
    engine: &Engine<'_>,
    pipeline: &Pipeline,
) -> Result<Exit, crate::engine::Refused> {
    let stages = engine.plan(&mut *ui::observer(mode(arguments)))?;
    ui::plan(mode(arguments), &pipeline.name, &stages);
    Ok(Exit::Done)
}

fn real_run(
    arguments: &RunArguments,
    engine: &Engine<'_>,
    pipeline: &Pipeline,
) -> Result<Exit, crate::engine::Refused> {
    let stopped = Arc::new(AtomicBool::new(false));
    let executor = Processes::new(programs());
    stop_on_signals(&stopped);
    let out = arguments.out.clone().unwrap_or_else(|| pipeline.root.join("out"));
    let summary =
        engine.run(&out, &executor as &dyn Executor, &stopped, &mut *ui::observer(mode(arguments)))?;
    Ok(exit(&summary))
}

/// Ctrl-C (and SIGTERM, SIGHUP) stop the run; what is finished, trained epochs included, is kept.
fn stop_on_signals(stopped: &Arc<AtomicBool>) {
    let stopped = Arc::clone(stopped);
    let set = ctrlc::set_handler(move || {
        if stopped.swap(true, Ordering::SeqCst) {
            // Asked twice: the processes die with this one.
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    if let Err(error) = set {
        tracing::debug!("no signal handler: {error}");
    }
}

fn exit(summary: &Summary) -> Exit {
    if summary.interrupted {
        return Exit::Interrupted;
    }
    match summary.failed.as_slice() {
        [] => Exit::Done,
        failed if failed.iter().any(|failed| failed.class == FailureClass::Environment) => Exit::Environment,
        _ => Exit::StageFailed,
    }
}

fn mode(arguments: &RunArguments) -> ui::Mode {
    match (arguments.json, arguments.quiet) {
        (true, _) => ui::Mode::Json,
        (_, true) => ui::Mode::Quiet,
        _ => ui::Mode::Auto,
    }
}

fn store_folder(arguments: &RunArguments, pipeline: &Pipeline) -> PathBuf {
    arguments.store.clone().unwrap_or_else(|| pipeline.root.join(".pcamflow"))
}

fn options(arguments: &RunArguments) -> Options {
    Options {
        targets: arguments.stages.clone(),
        force: arguments.force.clone(),
        settings: RunSettings {
            device: arguments.device,
            threads: arguments.threads,
            ..RunSettings::default()
        },
        jobs: arguments.jobs.map(|jobs| jobs as usize),
        keep_going: arguments.keep_going,
    }
}
