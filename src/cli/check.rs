//! `pcamflow check`: is this pipeline right?

use super::{Exit, args::PipelineArguments, colour, complain, say};
use crate::pipeline::{self, Pipeline};

/// Loads a pipeline, or says everything that is wrong with it.
pub(super) fn load(arguments: &PipelineArguments) -> Result<Pipeline, Exit> {
    let options = pipeline::Options { set: arguments.set.clone(), data: arguments.data.clone() };
    pipeline::load(&arguments.file, &options).map_err(|invalid| {
        complain(&invalid.render(colour()));
        complain(&format!("\n{}", told(invalid.count())));
        Exit::Usage
    })
}

fn told(count: usize) -> String {
    match count {
        1 => "1 problem: nothing was run".to_owned(),
        count => format!("{count} problems: nothing was run"),
    }
}

/// Checks a pipeline file.
pub(super) fn check(arguments: &PipelineArguments) -> Exit {
    match load(arguments) {
        Ok(pipeline) => {
            let stages: Vec<String> = pipeline
                .graph
                .order()
                .into_iter()
                .map(|stage| pipeline.stages[stage].name.to_string())
                .collect();
            say(&format!("{}: {} stages: {}", pipeline.name, stages.len(), stages.join(", ")));
            Exit::Done
        }
        Err(exit) => exit,
    }
}
