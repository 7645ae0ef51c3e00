//! `pcamflow check`: checks a pipeline file.

use std::{collections::BTreeSet, path::Path};

use super::{Exit, args::PipelineArguments, colour, complain, say};
use crate::{
    pipeline::{self, Pipeline},
    stages::StageName,
    ui,
};

/// Loads a pipeline, or says everything that is wrong with it.
pub(super) fn load(arguments: &PipelineArguments) -> Result<Pipeline, Exit> {
    loaded(arguments, told)
}

/// As [`load`], for a command that would not run anything either way.
pub(super) fn load_to_read(arguments: &PipelineArguments) -> Result<Pipeline, Exit> {
    loaded(arguments, |count| ui::format::plural(count, "problem"))
}

fn loaded(arguments: &PipelineArguments, told: fn(usize) -> String) -> Result<Pipeline, Exit> {
    let options = pipeline::Options { set: arguments.set.clone(), data: arguments.data.clone() };
    pipeline::load(&arguments.file, &options).map_err(|invalid| {
        complain(&invalid.render(colour()));
        complain(&format!("\n{}", told(invalid.count())));
        Exit::Usage
    })
}

pub(super) fn told(count: usize) -> String {
    match count {
        1 => "1 problem: nothing was run".to_owned(),
        count => format!("{count} problems: nothing was run"),
    }
}

/// Checks a pipeline file.
pub(super) fn check(arguments: &PipelineArguments) -> Exit {
    match load(arguments) {
        Ok(pipeline) => {
            tell_notes(&pipeline);
            if let Err(exit) = check_trials(arguments, &pipeline) {
                return exit;
            }
            say(&stages(&pipeline));
            Exit::Done
        }
        Err(exit) => exit,
    }
}

/// Whether the trials of `[sweep]`, where the file has that, are right as well.
fn check_trials(arguments: &PipelineArguments, pipeline: &Pipeline) -> Result<(), Exit> {
    let Some(spec) = &pipeline.sweep else { return Ok(()) };
    let options = pipeline::Options { set: arguments.set.clone(), data: arguments.data.clone() };
    pipeline::swept(&arguments.file, spec, &options).map(drop).map_err(|wrong| {
        let (text, count) = wrong.render(colour());
        complain(&text);
        complain(&format!("\n{}", told(count)));
        Exit::Usage
    })
}

/// Says what is no mistake, but may be one.
pub(super) fn tell_notes(pipeline: &Pipeline) {
    for note in &pipeline.notes {
        complain(&format!("note: {note}"));
    }
}

/// The stages of a pipeline file that has just been written.
pub(super) fn load_file(file: &Path) -> Result<String, (Exit, String)> {
    match pipeline::load(file, &pipeline::Options::default()) {
        Ok(pipeline) => Ok(stages(&pipeline)),
        Err(invalid) => Err((Exit::Usage, invalid.render(false))),
    }
}

/// The stages in order; of repeated ones, how many the file has, and how many that makes.
fn stages(pipeline: &Pipeline) -> String {
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
