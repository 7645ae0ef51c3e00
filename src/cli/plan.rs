//! `pcamflow plan`, and `run --dry-run`, which does the same.

use clap::Args;

use super::{
    Exit, Outcome,
    args::{ProjectArguments, RunArguments},
    check::show_notes,
    project::open,
};
use crate::{
    engine::{Engine, Options, tell::trials},
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
    /// The pipeline and its store.
    #[command(flatten)]
    project: ProjectArguments,
    /// Only these stages and what they need (`kind.name`, or `kind.name@seed` for one repeat; `*` matches
    /// any text)
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Plan as if this stage were not cached (repeatable)
    #[arg(long, value_name = "STAGE")]
    force: Vec<String>,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    json: bool,
}

/// Shows what a run would do, and why; with `verbose`, also the fingerprints.
pub(super) fn plan(arguments: &PlanArguments, verbose: bool) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    show_notes(&pipeline);
    let project = arguments.project.engine(&pipeline, &arguments.stages)?;
    let options = Options { force: arguments.force.clone(), ..project };
    show(&pipeline, &store, options, arguments.json, verbose)
}

/// `run --dry-run`: the plan of a pipeline that is loaded.
pub(super) fn dry_run(arguments: &RunArguments, pipeline: &Pipeline, store: &Store) -> Outcome {
    let project = arguments.project.engine(pipeline, &arguments.stages)?;
    let options = Options { force: arguments.force.clone(), ..project };
    show(pipeline, store, options, arguments.json, false)
}

fn show(pipeline: &Pipeline, store: &Store, options: Options, json: bool, verbose: bool) -> Outcome {
    let mode = if json { ui::Mode::Json } else { ui::Mode::Auto };
    let engine = Engine::new(pipeline, store, options)?;
    let stages = engine.plan(&mut *ui::observer(mode))?;
    if !pipeline.trials.is_empty() {
        ui::planned_trials(json, &trials::planned(pipeline), &stages);
    }
    ui::plan(json, &pipeline.name, &stages);
    if verbose {
        ui::details(json, &engine.details(&mut *ui::observer(mode))?);
    }
    Ok(Exit::Done)
}
