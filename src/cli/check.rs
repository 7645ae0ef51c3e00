//! `pcamflow check`: checks a pipeline file.

use std::collections::BTreeSet;

use super::{Error, Exit, Outcome, args::PipelineArguments, colour, complain, project::load, say};
use crate::{
    pipeline::{self, Pipeline},
    stages::StageName,
    ui,
};

/// Checks a pipeline file, and the trials of its `[sweep]`.
pub(super) fn check(arguments: &PipelineArguments) -> Outcome {
    let pipeline = load(arguments)?;
    show_notes(&pipeline);
    if let Some(spec) = &pipeline.sweep {
        let trials = pipeline::swept(&arguments.file, spec, &arguments.options());
        trials.map_err(|wrong| Error::problems(wrong.render(colour())))?;
    }
    say(&stages(&pipeline));
    Ok(Exit::Done)
}

/// Prints the notes about a pipeline: things that may be mistakes.
pub(super) fn show_notes(pipeline: &Pipeline) {
    for note in &pipeline.notes {
        complain(&format!("note: {note}"));
    }
}

/// The stages in order. The head counts the stages of the file and, with repeats, all stages.
pub(super) fn stages(pipeline: &Pipeline) -> String {
    let order = pipeline.graph.order();
    let names: Vec<String> = order.into_iter().map(|stage| pipeline.stages[stage].name.to_string()).collect();
    let written: BTreeSet<StageName> = pipeline.stages.iter().map(|node| node.name.written()).collect();
    let repeated = match names.len() - written.len() {
        0 => String::new(),
        _ => format!(", {} with every seed", names.len()),
    };
    let head = format!("{}: {}{repeated}", pipeline.name, ui::format::plural(written.len(), "stage"));
    ui::listed(&head, &ui::folded(names.iter().map(String::as_str)))
}
