//! `pcamflow graph`: draws a pipeline, with the plan if asked for.

use std::collections::BTreeMap;

use super::{Exit, args::GraphArguments, check::load, complain, project};
use crate::{
    engine::{self, Engine, Options, Refused},
    pipeline::{Pipeline, Source},
    ui::{
        self,
        drawing::{Drawing, DrawnStage, Edge},
    },
};

/// Draws a pipeline on standard output.
pub(super) fn graph(arguments: &GraphArguments) -> u8 {
    let mut pipeline = match load(&arguments.pipeline) {
        Ok(pipeline) => pipeline,
        Err(exit) => return exit.code(),
    };
    match drawing(arguments, &mut pipeline) {
        Ok(drawing) => {
            ui::drawing::show(&drawing, arguments.format, arguments.all_edges);
            Exit::Done.code()
        }
        Err(refused) => {
            for line in refused.to_string().lines() {
                complain(&format!("error: {line}"));
            }
            Exit::from(&refused).code()
        }
    }
}

fn drawing(arguments: &GraphArguments, pipeline: &mut Pipeline) -> Result<Drawing, Refused> {
    let mut drawing = shape(pipeline, &engine::scope(pipeline, &arguments.stages)?);
    if arguments.status {
        let store = project::store_of(pipeline, arguments.store.as_ref())?;
        project::give_name(pipeline, &store);
        let given = arguments.pipeline.given(arguments.store.as_ref());
        let options = Options { targets: arguments.stages.clone(), given, ..Options::default() };
        let engine = Engine::new(pipeline, &store, options)?;
        let standing = engine.status(&mut *ui::observer(ui::Mode::Quiet))?;
        for (stage, status) in drawing.stages.iter_mut().zip(standing) {
            (stage.planned, stage.failure) = (Some(status.planned), status.failure);
        }
    }
    Ok(drawing)
}

/// The stages in scope, and which artifacts go from one to another.
fn shape(pipeline: &Pipeline, order: &[usize]) -> Drawing {
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
        DrawnStage {
            stage: name.to_string(),
            kind: name.kind.word().to_owned(),
            planned: None,
            failure: None,
        }
    };
    Drawing {
        pipeline: pipeline.name.clone(),
        stages: order.iter().map(stage).collect(),
        edges: edges.into_iter().map(|((from, to), artifacts)| Edge { from, to, artifacts }).collect(),
    }
}
