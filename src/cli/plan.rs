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
Each stage is one of:
  cached   its result is in the store
  run      it will run (if several stages are the same, one of them runs)
  maybe    decided when its inputs are ready: if they are the same as before, or if another stage
           has made the same result, it does not run
  blocked  it needs a pinned source file that is missing

Nothing runs. -v shows the fingerprints of the named stages (or of all), line by line, compared
with the previous result: - old, + new, ? not known yet.")]
pub(super) struct PlanArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// Only these stages and what they need (`kind.name`, or `kind.name@seed` for one repeat; `*` matches
    /// any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// Plan as if this stage were not cached (repeatable)
    #[arg(long, value_name = "STAGE")]
    pub(super) force: Vec<String>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Print one JSON object per line instead of text
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
