//! A pipeline as JSON: every stage and every edge.

use serde::Serialize;

use super::{Drawing, nodes::State};

/// The version of this format: bumped when a field is renamed, removed or changes its meaning.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    pipeline: &'a str,
    stages: Vec<Stage<'a>>,
    edges: Vec<Edge<'a>>,
}

#[derive(Serialize)]
struct Stage<'a> {
    stage: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

#[derive(Serialize)]
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    artifacts: &'a [String],
}

/// One JSON object.
pub(super) fn text(drawing: &Drawing) -> String {
    let name = |index: usize| drawing.stages.get(index).map_or("", |stage| stage.stage.as_str());
    let stage = |stage| {
        let state = State::of(stage);
        Stage {
            stage: &stage.stage,
            kind: &stage.kind,
            status: state.as_ref().map(|(state, _)| state.word()),
            why: state.map(|(_, why)| why).filter(|why| !why.is_empty()),
            seconds: stage.status.as_ref().and_then(|status| status.planned.seconds),
        }
    };
    let whole = Whole {
        schema: SCHEMA,
        pipeline: &drawing.pipeline,
        stages: drawing.stages.iter().map(stage).collect(),
        edges: drawing
            .edges
            .iter()
            .map(|edge| Edge { from: name(edge.from), to: name(edge.to), artifacts: &edge.artifacts })
            .collect(),
    };
    serde_json::to_string_pretty(&whole).expect("plain data with text keys") + "\n"
}
