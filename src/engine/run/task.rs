//! Makes the task that a process gets, from a stage and the resources that it was granted.

use std::path::PathBuf;

use crate::engine::{
    plan::{engine::Engine, planner::Made},
    run::resources::{Grant, Request},
};
use crate::{
    pipeline::{Source, StageNode},
    protocol::{InputFile, Resources, Task},
    stages::{Appetite, Kind, RunSettings, Runner},
};

impl Engine<'_> {
    /// How to compute a stage: the command line overrides the stage's settings, and these the pipeline's.
    pub(in crate::engine) fn settings(&self, stage: usize) -> RunSettings {
        let own = self.pipeline.stages[stage].stage.run_settings();
        self.options.settings.clone().or(own).or(&self.pipeline.run)
    }

    /// The resources that a stage asks for.
    pub(in crate::engine) fn request(&self, stage: usize) -> Request {
        let (settings, node) = (self.settings(stage), &self.pipeline.stages[stage]);
        let device = (node.stage.runner() == Runner::Worker).then(|| settings.device.unwrap_or_default());
        let job = self.job(stage);
        let threads = settings.threads.or(job.as_ref().and_then(|job| job.cpus));
        let (threads, as_job) = (threads.map(|threads| threads as usize), job.is_some());
        Request { appetite: self.appetite(stage), threads, device, as_job }
    }

    /// The resources that a stage asks for if it is computed here in any case.
    pub(in crate::engine) fn request_here(&self, stage: usize) -> Request {
        let threads = self.settings(stage).threads.map(|threads| threads as usize);
        Request { threads, as_job: false, ..self.request(stage) }
    }

    /// A resumed training has the steps of the training that it continues, so it uses as many cores.
    fn appetite(&self, stage: usize) -> Appetite {
        let node = &self.pipeline.stages[stage];
        let from = node.inputs.iter().find(|input| input.slot == "from").map(|input| &input.source);
        match (node.name.kind, from) {
            (Kind::ResumeTrain, Some(Source::Artifact { stage, .. })) => self.appetite(*stage),
            _ => node.stage.appetite(),
        }
    }

    /// The task of a stage, without its folders.
    pub(in crate::engine) fn task(&self, stage: usize, grant: &Grant, made: &[Option<Made>]) -> Task {
        let (settings, node) = (self.settings(stage), &self.pipeline.stages[stage]);
        let inputs = node.inputs.iter();
        let inputs = inputs.filter_map(|input| Some((input.slot.clone(), self.input(&input.source, made)?)));
        Task {
            name: node.name.to_string(),
            stage: node.stage.clone(),
            inputs: inputs.collect(),
            staging: PathBuf::new(),
            work: PathBuf::new(),
            data: (node.name.kind == Kind::Fetch).then(|| self.pipeline.data.clone()),
            resources: Resources {
                device: grant.device,
                threads: grant.threads,
                inference_batch: settings.inference_batch.map(|batch| batch as usize),
                memory: settings.memory.map(|memory| memory.0),
                precision_fallback: settings.precision_fallback.unwrap_or(false),
                checkpoint_interval: settings.checkpoint_interval.unwrap_or(1),
                timeout: settings.timeout.map(|span| span.0),
            },
            launcher: settings.launcher_of(node.stage.runner()).cloned(),
            token: None,
        }
    }

    fn input(&self, source: &Source, made: &[Option<Made>]) -> Option<InputFile> {
        Some(match source {
            Source::File(user) => InputFile { path: user.path.clone(), name: user.file.path.clone() },
            Source::Artifact { stage, artifact } => {
                let stored = made[*stage].as_ref()?.get(artifact.as_ref())?;
                let slash = if stored.is_folder() { "/" } else { "" };
                let name = format!("{}/{artifact}{slash}", self.pipeline.stages[*stage].name);
                InputFile { path: self.store.lend(&stored.digest).path().to_owned(), name }
            }
        })
    }
}

/// The source files that a stage reads.
pub(in crate::engine) fn sources(node: &StageNode) -> Vec<PathBuf> {
    let files = node.inputs.iter().filter_map(|input| match &input.source {
        Source::File(user) => Some(user.path.clone()),
        Source::Artifact { .. } => None,
    });
    files.collect()
}
