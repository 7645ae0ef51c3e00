//! The trainings, for the page.

use safetensors::SafeTensors;

use super::shelf::Shelf;
use crate::{
    html::Training,
    metrics::History,
    pipeline::{Source, StageNode},
    stages::Kind,
};

/// Every training that has a result.
pub(super) fn all(shelf: &mut Shelf<'_>) -> Vec<Training> {
    let nodes = shelf.stages(&[Kind::Train, Kind::ResumeTrain]);
    nodes.into_iter().filter_map(|node| training(shelf, node)).collect()
}

fn training(shelf: &mut Shelf<'_>, node: &StageNode) -> Option<Training> {
    let read = shelf.json(node, "history");
    let history: History = shelf.note(&node.name, read)?;
    let made = shelf.result(node).and_then(|result| result.record.as_ref()).map(|record| &record.made);
    Some(Training {
        stage: node.name.to_string(),
        resumed_at: before(shelf, node).and_then(|before| {
            let last = history.epochs.len().min(before);
            history.epochs.get(last).map(|epoch| epoch.epoch)
        }),
        seconds: made.filter(|made| made.resumed.is_none()).map(|made| made.seconds),
        patches: shelf.patches(node, "data.train").ok().flatten().map(|set| set.len() as u64),
        parameters: parameters(shelf, node),
        picture: shelf
            .pictures(node, &[("curves-svg", "Loss and accuracy")])
            .pop()
            .map(|(_, picture)| picture),
        history,
    })
}

/// How many numbers the training learns: all weights, without the running means and variances.
fn parameters(shelf: &Shelf<'_>, node: &StageNode) -> Option<u64> {
    let bytes = shelf.bytes(node, "model").ok()??;
    let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
    let tensors = header.tensors();
    let learnt =
        tensors.iter().filter(|(name, _)| !name.contains(".running_") && !name.contains("num_batches"));
    Some(learnt.map(|(_, tensor)| tensor.shape.iter().product::<usize>() as u64).sum())
}

/// How many epochs the training had that this one resumes; `None` if it resumes none.
fn before(shelf: &Shelf<'_>, node: &StageNode) -> Option<usize> {
    let from = node.inputs.iter().find_map(|input| match &input.source {
        Source::Artifact { stage, artifact } if &**artifact == "checkpoint" => Some(*stage),
        Source::Artifact { .. } | Source::File(_) => None,
    })?;
    let history: History = shelf.json(&shelf.pipeline.stages[from], "history").ok()??;
    Some(history.epochs.len())
}
