//! `pcamflow run`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    Exit,
    args::RunArguments,
    check::tell_notes,
    logging,
    plan::{PlanArguments, plan},
    project::{open, tell},
    worker::programs,
};
use crate::{
    engine::{
        Engine, Options,
        exec::{Executor, Processes},
    },
    pipeline::Pipeline,
    stages::RunSettings,
    ui,
};

/// Runs a pipeline, or shows what a run would do.
pub(super) fn run(arguments: &RunArguments) -> u8 {
    if arguments.dry_run {
        return plan(&PlanArguments::from(arguments), false).code();
    }
    let (pipeline, store) = match open(&arguments.pipeline, arguments.store.as_ref()) {
        Ok(opened) => opened,
        Err(exit) => return exit.code(),
    };
    if !arguments.quiet {
        tell_notes(&pipeline);
    }
    let engine = Engine::new(&pipeline, &store, options(arguments));
    engine
        .and_then(|engine| real_run(arguments, &engine, &pipeline))
        .unwrap_or_else(|refused| tell(&refused).code())
}

fn real_run(
    arguments: &RunArguments,
    engine: &Engine<'_>,
    pipeline: &Pipeline,
) -> Result<u8, crate::engine::Refused> {
    let stopped = Arc::new(AtomicBool::new(false));
    let executor = Processes::new(programs());
    stop_on_signals(&stopped);
    let out = arguments.out.clone().unwrap_or_else(|| pipeline.root.join("out"));
    let summary =
        engine.run(&out, &executor as &dyn Executor, &stopped, &mut *ui::observer(mode(arguments)))?;
    Ok(summary.exit_code())
}

/// Ctrl-C (and SIGTERM, SIGHUP) stop the run; what is finished, trained epochs included, is kept.
fn stop_on_signals(stopped: &Arc<AtomicBool>) {
    let stopped = Arc::clone(stopped);
    let set = ctrlc::set_handler(move || {
        if stopped.swap(true, Ordering::SeqCst) {
            // Asked twice: the processes die with this one.
            std::process::exit(Exit::Interrupted.code().into());
        }
    });
    if let Err(error) = set {
        tracing::debug!("no signal handler: {error}");
    }
}

fn mode(arguments: &RunArguments) -> ui::Mode {
    match (arguments.json, arguments.quiet) {
        (true, _) => ui::Mode::Json,
        (_, true) => ui::Mode::Quiet,
        // Log lines would tear the bars.
        _ if logging::wanted() => ui::Mode::Plain,
        _ => ui::Mode::Auto,
    }
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
