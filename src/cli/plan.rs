//! `pcamflow plan`, and `run --dry-run`, which is the same.

use std::path::PathBuf;

use clap::Args;

use super::{
    Exit,
    args::{PipelineArguments, RunArguments},
    check::tell_notes,
    project::{open, tell},
};
use crate::{
    engine::{Engine, Options, Refused, tell::trials},
    pipeline::Pipeline,
    store::Store,
    ui,
};

/// What to plan.
#[derive(Debug, Args)]
#[command(after_help = "\
Every stage is one of:
  cached   its result is in the store
  run      it will run (of several identical stages, one runs)
  maybe    decided once its inputs are known: if they come out as before, or if the store already
           has a result for them, it does not run
  blocked  a pinned source file that it needs is not here

Nothing is run. With -v, every line of the fingerprints of the stages that are named (or of all),
beside the previous result's: - the old value, + the new value, ? not known yet.")]
pub(super) struct PlanArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// Only these stages and what they need (`kind.name`, or `kind.name@seed` for one of its repeats; `*`
    /// stands for any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// As if this stage were computed again whatever the store holds (may be given several times)
    #[arg(long, value_name = "STAGE")]
    pub(super) force: Vec<String>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// JSON objects, one a line, instead of text
    #[arg(long)]
    pub(super) json: bool,
}

impl From<&RunArguments> for PlanArguments {
    fn from(run: &RunArguments) -> Self {
        Self {
            pipeline: run.pipeline.clone(),
            stages: run.stages.clone(),
            force: run.force.clone(),
            store: run.store.clone(),
            json: run.json,
        }
    }
}

/// Shows what a run would do, and why; `verbose`: with whole fingerprints.
pub(super) fn plan(arguments: &PlanArguments, verbose: bool) -> Exit {
    let (pipeline, store) = match open(&arguments.pipeline, arguments.store.as_ref()) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    tell_notes(&pipeline);
    plan_loaded(arguments, &pipeline, &store, verbose)
}

/// As [`plan`], of a pipeline that is loaded.
pub(super) fn plan_loaded(
    arguments: &PlanArguments,
    pipeline: &Pipeline,
    store: &Store,
    verbose: bool,
) -> Exit {
    match planned(arguments, pipeline, store, verbose) {
        Ok(()) => Exit::Done,
        Err(refused) => tell(&refused),
    }
}

fn planned(
    arguments: &PlanArguments,
    pipeline: &Pipeline,
    store: &Store,
    verbose: bool,
) -> Result<(), Refused> {
    let mode = if arguments.json { ui::Mode::Json } else { ui::Mode::Auto };
    let (targets, force) = (arguments.stages.clone(), arguments.force.clone());
    let given = arguments.pipeline.given(arguments.store.as_ref());
    let engine = Engine::new(pipeline, store, Options { targets, force, given, ..Options::default() })?;
    let stages = engine.plan(&mut *ui::observer(mode))?;
    if !pipeline.trials.is_empty() {
        ui::planned_trials(mode, &trials::planned(pipeline), &stages);
    }
    ui::plan(mode, &pipeline.name, &stages);
    if verbose {
        ui::details(mode, &engine.details(&mut *ui::observer(mode))?);
    }
    Ok(())
}
