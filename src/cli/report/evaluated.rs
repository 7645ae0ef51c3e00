//! The evaluations, for the page.

use std::collections::HashMap;

use anyhow::Result;
use serde::Deserialize;

use super::{
    frame::frame,
    parts::{mean_color, read},
    shelf::Shelf,
};
use crate::{
    data::{patch_set::PatchSet, sample::sample},
    html::{Evaluated, Mistake},
    metrics::{CalibrationBin, Evaluation, Predictions, calibration_bins, roc_auc},
    pipeline::StageNode,
    report::patch_tile,
    stages::Kind,
};

/// How many mistakes are shown.
const SHOWN: usize = 12;
/// How many patches the mean colours are read of.
const COLORS: usize = 1000;

/// A line of `predictions.csv`.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Prediction {
    row: i64,
    label: u8,
    probability: f64,
}

/// Every evaluation that has a result.
pub(super) fn all(shelf: &mut Shelf<'_>) -> Vec<Evaluated> {
    let nodes = shelf.stages(&[Kind::Evaluate]);
    nodes.into_iter().filter_map(|node| evaluation(shelf, node)).collect()
}

fn evaluation(shelf: &mut Shelf<'_>, node: &StageNode) -> Option<Evaluated> {
    let read = shelf.json(node, "metrics");
    let numbers: Evaluation = shelf.note(&node.name, read)?;
    let read = shelf.table(node, "predictions").map(Some);
    let predictions: Vec<Prediction> = shelf.note(&node.name, read).unwrap_or_default();
    let read = shelf.patches(node, "images");
    let images = shelf.note(format!("the images of {}", node.name), read);
    let frame = images.as_ref().map(|images| frame(shelf.pipeline, images.side()));
    let calibration = calibration(&predictions, images.as_ref(), numbers.bootstrap.level);
    let seen = images.map(|images| (mistakes(&images, &predictions, numbers.threshold), color_auc(&images)));
    let (mistakes, color_auc) = seen.map_or((Ok(Vec::new()), Ok(None)), |seen| seen);
    let mistakes = shelf.note(format!("the images of {}", node.name), mistakes.map(Some)).unwrap_or_default();
    let color_auc = shelf.note(format!("the images of {}", node.name), color_auc);
    let wanted = [("roc-svg", "ROC curve"), ("precision-recall-svg", "Precision and recall")];
    Some(Evaluated {
        stage: node.name.to_string(),
        model: shelf.reads(node, "model"),
        images: shelf.reads(node, "images"),
        pictures: shelf.pictures(node, &wanted),
        predictions: predictions.iter().map(|it| (it.label, it.probability)).collect(),
        calibration: shelf.note(&node.name, calibration.map(Some)).unwrap_or_default(),
        numbers,
        frame,
        mistakes,
        color_auc,
    })
}

/// The bins of the calibration. If the slides of all images are known, intervals take them into account.
fn calibration(
    predictions: &[Prediction],
    images: Option<&PatchSet>,
    level: f64,
) -> Result<Vec<CalibrationBin>> {
    if predictions.is_empty() {
        return Ok(Vec::new());
    }
    let (labels, probabilities): (Vec<u8>, Vec<f64>) =
        predictions.iter().map(|it| (it.label, it.probability)).unzip();
    let plain = Predictions::new(&labels, &probabilities)?;
    let slides = images.and_then(|images| slides(images, predictions));
    let predictions = match slides {
        Some(slides) => plain.of_slides(&slides)?,
        None => plain,
    };
    Ok(calibration_bins(&predictions, level))
}

/// The slide of each prediction, if all are known.
fn slides(images: &PatchSet, predictions: &[Prediction]) -> Option<Vec<i32>> {
    let codes: HashMap<i64, i32> =
        images.rows().iter().copied().zip(images.slides()?.codes.iter().copied()).collect();
    predictions.iter().map(|it| codes.get(&it.row).copied()).collect()
}

/// The patches whose probability is furthest from their label, beyond the threshold.
fn mistakes(images: &PatchSet, predictions: &[Prediction], threshold: f64) -> Result<Vec<Mistake>> {
    let mut wrong: Vec<&Prediction> =
        predictions.iter().filter(|it| (it.probability > threshold) != (it.label == 1)).collect();
    let error = |it: &Prediction| (it.probability - f64::from(it.label)).abs();
    wrong.sort_by(|a, b| error(b).total_cmp(&error(a)).then(a.row.cmp(&b.row)));
    let places: HashMap<i64, usize> = images.rows().iter().enumerate().map(|(at, row)| (*row, at)).collect();
    let shown = wrong.into_iter().take(SHOWN).filter_map(|it| Some((it, *places.get(&it.row)?)));
    let one = |(it, at): (&Prediction, usize)| {
        let png = patch_tile(&read(images, &[at])?, images.side().get())?;
        Ok(Mistake { png, row: it.row, label: it.label, probability: it.probability })
    };
    shown.map(one).collect()
}

/// The ROC AUC of the best channel of the mean colour, whichever direction it has. An honest model is well above it.
fn color_auc(images: &PatchSet) -> Result<Option<f64>> {
    if images.only_class().is_some() {
        return Ok(None);
    }
    let positions = sample(images.labels(), COLORS, false, 0);
    let labels: Vec<u8> = positions.iter().map(|at| images.labels()[*at]).collect();
    let colors: Vec<[f64; 3]> =
        read(images, &positions)?.chunks_exact(images.side().bytes()).map(mean_color).collect();
    let mut best: Option<f64> = None;
    for channel in 0..3 {
        let values: Vec<f64> = colors.iter().map(|color| color[channel] / 255.0).collect();
        let auc = roc_auc(&Predictions::new(&labels, &values)?);
        best = auc.map(|auc| best.unwrap_or_default().max(auc.max(1.0 - auc))).or(best);
    }
    Ok(best)
}
