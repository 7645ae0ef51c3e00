//! `pcamflow doctor`: checks what pipelines need on this machine, one line each, with advice.

mod finding;
mod launchers;
mod place;
mod programs;
mod remote;
mod slurm;

use std::path::Path;

use serde::Serialize;

use super::{Exit, args::DoctorArguments, say};
use crate::pipeline;
use finding::{Finding, State};

/// The version of `--json`: bumped when a field is renamed, removed or changes its meaning.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    sound: bool,
    checks: &'a [Finding],
}

/// What a pipeline's stages need.
fn of_pipeline(file: &Path, arguments: &DoctorArguments) -> Vec<Finding> {
    let options = pipeline::Options { data: arguments.data.clone(), ..Default::default() };
    match pipeline::load(file, &options) {
        Ok(pipeline) => [launchers::findings(&pipeline), slurm::findings(&pipeline)].concat(),
        Err(invalid) => vec![Finding::wrong("pipeline", invalid.to_string())],
    }
}

/// Checks everything and prints the findings.
pub(super) fn doctor(arguments: &DoctorArguments) -> Exit {
    let mut findings = programs::findings();
    findings.extend(place::findings(arguments));
    findings.extend(remote::findings(arguments));
    findings.extend(arguments.file.iter().flat_map(|file| of_pipeline(file, arguments)));
    let sound = findings.iter().all(|finding| matches!(finding.state, State::Ok | State::Note));
    if arguments.json {
        let whole = Whole { schema: SCHEMA, sound, checks: &findings };
        say(&serde_json::to_string_pretty(&whole).expect("plain data with text keys"));
    } else {
        let lines: Vec<String> = findings.iter().map(Finding::line).collect();
        say(&lines.join("\n"));
    }
    if sound { Exit::Done } else { Exit::Environment }
}
