//! Checks the launchers of a pipeline: starts the worker through each, and lets it end again.

use std::path::Path;

use super::finding::Finding;
use crate::{
    cli::{args::DoctorArguments, worker::programs},
    engine::exec::Processes,
    pipeline::{self, Pipeline},
    stages::Launcher,
};

/// One finding for each launcher of a pipeline file.
pub(super) fn findings(file: &Path, arguments: &DoctorArguments) -> Vec<Finding> {
    let options = pipeline::Options { data: arguments.data.clone(), ..Default::default() };
    match pipeline::load(file, &options) {
        Ok(pipeline) => launchers(&pipeline).into_iter().map(start).collect(),
        Err(invalid) => vec![Finding::wrong("pipeline", invalid.to_string())],
    }
}

/// The launchers of its stages, each once.
fn launchers(pipeline: &Pipeline) -> Vec<Launcher> {
    let mut launchers = Vec::new();
    for node in &pipeline.stages {
        let settings = node.stage.run_settings().clone().or(&pipeline.run);
        let launcher = settings.launcher_of(node.stage.runner()).cloned();
        launchers.extend(launcher.filter(|launcher| !launchers.contains(launcher)));
    }
    launchers
}

fn start(launcher: Launcher) -> Finding {
    let name = launcher.to_string();
    match Processes::new(programs(), false).probe_launched(launcher) {
        Ok((host, versions)) => {
            let libtorch = versions.get("libtorch").map_or("of an unknown version", String::as_str);
            Finding::ok("launcher", format!("`{name}`: the worker is ready on {host}, libtorch {libtorch}"))
        }
        Err(failure) => Finding::wrong("launcher", failure.message),
    }
}
