//! From a stage and what it was granted to the task that a process gets.

use std::path::PathBuf;

use crate::engine::{
    plan::planner::{Made, Planner},
    run::resources::{Grant, Request},
};
use crate::{
    pipeline::{Pipeline, Source, StageNode},
    protocol::{InputFile, Resources, Task},
    stages::{AnyStage, Appetite, Kind, RunSettings, Runner},
};

/// How to compute: what the command line and `[run]` say.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Settings {
    /// The command line.
    pub(in crate::engine) command_line: RunSettings,
    /// `[run]`.
    pub(in crate::engine) pipeline: RunSettings,
}

impl Settings {
    /// The settings of one stage: the command line over its own over the pipeline's.
    pub(in crate::engine) fn of(&self, stage: &AnyStage) -> RunSettings {
        self.command_line.clone().or(stage.run_settings()).or(&self.pipeline)
    }
}

/// What a stage asks of the machine.
pub(in crate::engine) fn request(pipeline: &Pipeline, stage: usize, settings: &Settings) -> Request {
    let node = &pipeline.stages[stage];
    let settings = settings.of(&node.stage);
    let device = (node.stage.runner() == Runner::Worker).then(|| settings.device.unwrap_or_default());
    let threads = settings.threads.map(|threads| threads as usize);
    Request { appetite: appetite(pipeline, stage), threads, device }
}

/// A resumed training has the steps of the training that it continues, so it uses as many cores.
fn appetite(pipeline: &Pipeline, stage: usize) -> Appetite {
    let node = &pipeline.stages[stage];
    let from = node.inputs.iter().find(|input| input.slot == "from").map(|input| &input.source);
    match (node.name.kind, from) {
        (Kind::ResumeTrain, Some(Source::Artifact { stage, .. })) => appetite(pipeline, *stage),
        _ => node.stage.appetite(),
    }
}

/// The task of a stage, but for its folders, which the attempt makes.
pub(in crate::engine) fn task(
    node: &StageNode,
    settings: &Settings,
    grant: &Grant,
    made: &[Option<Made>],
    planner: &Planner<'_>,
) -> Task {
    let settings = settings.of(&node.stage);
    let inputs = node
        .inputs
        .iter()
        .filter_map(|input| Some((input.slot.clone(), input_file(&input.source, made, planner)?)));
    Task {
        name: node.name.to_string(),
        stage: node.stage.clone(),
        inputs: inputs.collect(),
        staging: PathBuf::new(),
        work: PathBuf::new(),
        resources: Resources {
            device: grant.device,
            threads: grant.threads,
            inference_batch: settings.inference_batch.map(|batch| batch as usize),
            memory: settings.memory.map(|memory| memory.0),
            checkpoint_interval: settings.checkpoint_interval.unwrap_or(1),
            timeout: settings.timeout.map(|span| span.0),
        },
    }
}

fn input_file(source: &Source, made: &[Option<Made>], planner: &Planner<'_>) -> Option<InputFile> {
    Some(match source {
        Source::File(user) => InputFile { path: user.path.clone(), name: user.file.path.clone() },
        Source::Artifact { stage, artifact } => {
            let stored = made[*stage].as_ref()?.get(artifact.as_ref())?;
            let slash = if stored.is_folder() { "/" } else { "" };
            let name = format!("{}/{artifact}{slash}", planner.pipeline.stages[*stage].name);
            InputFile { path: planner.findings.store.lend(&stored.digest).path().to_owned(), name }
        }
    })
}

/// The source files that a stage reads.
pub(in crate::engine) fn sources(node: &StageNode) -> Vec<PathBuf> {
    let files = node.inputs.iter().filter_map(|input| match &input.source {
        Source::File(user) => Some(user.path.clone()),
        Source::Artifact { .. } => None,
    });
    files.collect()
}
