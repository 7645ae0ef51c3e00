//! What the comparisons measured on each explained patch: numbers and curves, by stage and row.

use std::collections::HashMap;

use anyhow::Result;

use super::shelf::Shelf;
use crate::{
    data::{
        Source,
        h5::{H5File, Numbers},
    },
    metrics::faithfulness::ImageScores,
    pipeline::{self, StageNode},
    stages::Kind,
};

/// The measures and curves of a comparison, by stage and row.
#[derive(Default)]
pub(super) struct Measured {
    scores: HashMap<(String, i64), Vec<(String, f64)>>,
    curves: HashMap<(String, i64), [Vec<f64>; 2]>,
}

impl Measured {
    /// The measures and curves of every comparison. The first comparison that measures a stage wins.
    pub(super) fn all(shelf: &mut Shelf<'_>) -> Self {
        let mut all = Self::default();
        for node in shelf.stages(&[Kind::Metrics]) {
            let stages = explained_by(shelf, node);
            let read = shelf.table(node, "per-image").map(Some);
            let lines: Vec<ImageScores> =
                shelf.note(format!("{}/per-image", node.name), read).unwrap_or_default();
            for line in lines {
                let Some(stage) = stages.get(&line.method) else { continue };
                all.scores.entry((stage.clone(), line.row)).or_insert_with(|| scores(&line));
            }
            let read = curves(shelf, node, &stages);
            let curves = shelf.note(format!("{}/curves", node.name), read).unwrap_or_default();
            for (place, pair) in curves {
                all.curves.entry(place).or_insert(pair);
            }
        }
        all
    }

    /// The measures of a stage's map of a row, by name.
    pub(super) fn scores(&self, stage: &str, row: i64) -> Vec<(String, f64)> {
        self.scores.get(&(stage.to_owned(), row)).cloned().unwrap_or_default()
    }

    /// Its deletion and its insertion curve.
    pub(super) fn curves(&self, stage: &str, row: i64) -> Option<[Vec<f64>; 2]> {
        self.curves.get(&(stage.to_owned(), row)).cloned()
    }
}

/// The stage behind each label of a comparison.
fn explained_by(shelf: &Shelf<'_>, node: &StageNode) -> HashMap<String, String> {
    let labelled = node.inputs.iter().filter_map(|input| {
        let label = input.slot.strip_prefix("explanations.")?;
        match &input.source {
            pipeline::Source::Artifact { stage, .. } => {
                Some((label.to_owned(), shelf.pipeline.stages[*stage].name.to_string()))
            }
            pipeline::Source::File(_) => None,
        }
    });
    labelled.collect()
}

fn scores(line: &ImageScores) -> Vec<(String, f64)> {
    let share = |value: Option<u8>| value.map(f64::from);
    let all = [
        ("deletion-auc", line.deletion_auc),
        ("insertion-auc", line.insertion_auc),
        ("centre-box-energy", line.centre_box_energy),
        ("centre-box-pointing", share(line.centre_box_pointing)),
        ("centre-box-rank", line.centre_box_rank),
        ("mask-energy", line.mask_energy),
        ("mask-pointing", share(line.mask_pointing)),
        ("mask-rank", line.mask_rank),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The curves of a file, by stage and row: deletion and insertion.
type Curves = Vec<((String, i64), [Vec<f64>; 2])>;

fn curves(shelf: &Shelf<'_>, node: &StageNode, stages: &HashMap<String, String>) -> Result<Option<Curves>> {
    let Some(path) = shelf.file(node, "curves") else { return Ok(None) };
    let file = H5File::open(&Source::new(path, format!("{}/curves", node.name)))?;
    let Some(rows) = Numbers::open(&file, "row")? else { return Ok(None) };
    let rows: Vec<i64> = rows.read(0..rows.rows())?;
    let mut all = Curves::new();
    for (label, stage) in stages {
        let names = ["deletion", "insertion"].map(|curve| format!("{label}/{curve}"));
        let mut found = Vec::new();
        for name in &names {
            let Some(numbers) = Numbers::open(&file, name)? else { continue };
            let values: Vec<f64> = numbers.read(0..numbers.rows())?;
            found.push(values);
        }
        let [deletion, insertion] = found.as_slice() else { continue };
        let points = (deletion.len() / rows.len().max(1)).max(1);
        let each = rows.iter().zip(deletion.chunks(points).zip(insertion.chunks(points)));
        all.extend(each.map(|(row, (deletion, insertion))| {
            ((stage.clone(), *row), [deletion.to_vec(), insertion.to_vec()])
        }));
    }
    Ok(Some(all))
}
