//! Checks the launchers of a pipeline: starts the worker through each, and lets it end again.

use super::finding::Finding;
use crate::{cli::worker::programs, engine::exec::Processes, pipeline::Pipeline, stages::Launcher};

/// One finding for each launcher of a pipeline.
pub(super) fn findings(pipeline: &Pipeline) -> Vec<Finding> {
    launchers(pipeline).into_iter().map(start).collect()
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
