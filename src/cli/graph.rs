//! `pcamflow graph`: draws a pipeline.

use std::collections::BTreeMap;

use super::{
    Exit, Outcome,
    args::GraphArguments,
    project::{give_name, load, store_in},
};
use crate::{
    engine::{self, Engine},
    pipeline::{Pipeline, Source},
    ui::{
        self,
        drawing::{Drawing, DrawnStage, Edge},
    },
};

/// Draws a pipeline on standard output.
pub(super) fn graph(arguments: &GraphArguments) -> Outcome {
    let project = &arguments.project;
    let mut pipeline = load(&project.pipeline)?;
    let mut drawing = drawing(&pipeline, &engine::scope(&pipeline, &arguments.stages)?);
    if arguments.status {
        let store = store_in(&pipeline.root, project.store.as_deref())?;
        give_name(&mut pipeline, &store);
        let engine = Engine::new(&pipeline, &store, project.engine(&pipeline, &arguments.stages)?)?;
        let statuses = engine.status(&mut *ui::observer(ui::Mode::Quiet))?;
        for (stage, status) in drawing.stages.iter_mut().zip(statuses) {
            stage.status = Some(status);
        }
    }
    ui::drawing::show(&drawing, arguments.format, arguments.all_edges);
    Ok(Exit::Done)
}

/// The stages in scope, and the artifacts that they read from each other.
fn drawing(pipeline: &Pipeline, order: &[usize]) -> Drawing {
    let places: BTreeMap<usize, usize> =
        order.iter().enumerate().map(|(place, stage)| (*stage, place)).collect();
    let mut edges: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for (reader, stage) in order.iter().enumerate() {
        for input in &pipeline.stages[*stage].inputs {
            if let Source::Artifact { stage: maker, artifact } = &input.source
                && let Some(maker) = places.get(maker)
            {
                let artifacts = edges.entry((*maker, reader)).or_default();
                if !artifacts.iter().any(|other| other == artifact) {
                    artifacts.push(artifact.to_string());
                }
            }
        }
    }
    let stage = |stage: &usize| {
        let name = &pipeline.stages[*stage].name;
        DrawnStage { stage: name.to_string(), kind: name.kind.word().to_owned(), status: None }
    };
    Drawing {
        pipeline: pipeline.name.clone(),
        stages: order.iter().map(stage).collect(),
        edges: edges.into_iter().map(|((from, to), artifacts)| Edge { from, to, artifacts }).collect(),
    }
}
