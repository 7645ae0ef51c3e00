//! `pcamflow status`.

use clap::Args;

use super::{Exit, Outcome, args::ProjectArguments, check::show_notes, project::open};
use crate::{engine::Engine, ui};

/// Whose status to show.
#[derive(Debug, Args)]
#[command(after_help = "\
Each stage is one of:
  cached   its result is in the store
  pending  its job waits in the cluster's queue
  running  a job or another run computes it
  failed   its last attempt failed; a run tries it again
  run, maybe, blocked   as in `pcamflow plan`

Jobs go on without pcamflow: `pcamflow run` waits for them and takes their results.")]
pub(super) struct StatusArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Only these stages and what they need (`*` matches any text)
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    json: bool,
}

/// Shows the state of every stage.
pub(super) fn status(arguments: &StatusArguments) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    show_notes(&pipeline);
    let engine = Engine::new(&pipeline, &store, arguments.project.engine(&pipeline, &arguments.stages)?)?;
    let mode = if arguments.json { ui::Mode::Json } else { ui::Mode::Auto };
    let stages = engine.now(&mut *ui::observer(mode))?;
    ui::now::show(arguments.json, &stages);
    Ok(Exit::Done)
}
