//! The explanations, for the page: stages that explain the same patches of the same model are one table.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use serde_json::Value;

use super::shelf::Shelf;
use crate::{
    data::{
        MASK_BYTES, PATCH_SIDE, Source,
        h5::{H5File, Numbers},
        maps::MapSet,
        patch_set::PatchSet,
    },
    html::{Explained, ExplainedBy, Patch},
    metrics::{MapRange, faithfulness::ImageScores, sigmoid},
    pipeline::{self, StageNode},
    report::{Sign, map_tile, mask_path, patch_tile},
    stages::Kind,
};

/// The most patches on a page: with four methods their pictures have about 15 MB.
const SHOWN: usize = 200;

/// One stage's maps.
struct Column<'a> {
    node: &'a StageNode,
    maps: MapSet,
    places: HashMap<i64, usize>,
    sign: Sign,
}

/// The measures and curves of a comparison, by stage and row.
#[derive(Default)]
struct Measured {
    scores: HashMap<(String, i64), Vec<(String, f64)>>,
    curves: HashMap<(String, i64), [Vec<f64>; 2]>,
}

/// Every group of explanations that has results.
pub(super) fn all(shelf: &mut Shelf<'_>, threshold: f64) -> Vec<Explained> {
    let mut groups: BTreeMap<(String, String), Vec<Column<'_>>> = BTreeMap::new();
    for node in shelf.stages(&[Kind::Explain]) {
        let question = (shelf.reads(node, "model"), shelf.reads(node, "images"));
        let read = column(shelf, node);
        if let Some(column) = shelf.note(format!("{}/maps", node.name), read) {
            groups.entry(question).or_default().push(column);
        }
    }
    let measured = measured(shelf);
    let mut all = Vec::new();
    for ((model, images), columns) in groups {
        let read = table(shelf, &columns, &measured, threshold).map(Some);
        let table = shelf.note(format!("the explanations of {images}"), read);
        all.extend(table.map(|table| Explained { model, images, ..table }));
    }
    all
}

fn column<'a>(shelf: &Shelf<'_>, node: &'a StageNode) -> Result<Option<Column<'a>>> {
    let Some(file) = shelf.file(node, "maps") else { return Ok(None) };
    let maps = MapSet::open(&Source::new(file, format!("{}/maps", node.name)))?;
    let places = maps.rows().iter().enumerate().map(|(at, row)| (*row, at)).collect();
    // Grad-CAM and saliency are never negative; other methods speak for and against a class.
    let sign = match maps.making().method.as_str() {
        "grad-cam" | "saliency" => Sign::Positive,
        _ => Sign::Both,
    };
    Ok(Some(Column { node, maps, places, sign }))
}

fn table(
    shelf: &Shelf<'_>,
    columns: &[Column<'_>],
    measured: &Measured,
    threshold: f64,
) -> Result<Explained> {
    let rows = rows(columns);
    let explained = rows.len();
    let shown = chosen(&rows, threshold);
    let images = columns.iter().find_map(|column| shelf.patches(column.node).ok().flatten());
    let places: HashMap<i64, usize> = images
        .iter()
        .flat_map(|images| images.rows().iter().enumerate().map(|(at, row)| (*row, at)))
        .collect();
    let patches: Vec<Patch> = shown
        .into_iter()
        .map(|row| patch(row, columns, measured, images.as_ref().zip(places.get(&row.0).copied())))
        .collect::<Result<_>>()?;
    let methods =
        columns.iter().enumerate().map(|(at, column)| method(column, at, &patches)).collect::<Result<_>>()?;
    Ok(Explained { model: String::new(), images: String::new(), methods, patches, explained, threshold })
}

/// A patch that some stage explains: row, label, logit.
type Row = (i64, u8, f32);

/// Every explained row once, in the order of the first stage that explains it.
fn rows(columns: &[Column<'_>]) -> Vec<Row> {
    let mut seen = std::collections::HashSet::new();
    let each = columns.iter().flat_map(|Column { maps, .. }| {
        maps.rows()
            .iter()
            .zip(maps.labels())
            .zip(maps.logits())
            .map(|((row, label), logit)| (*row, *label, *logit))
    });
    each.filter(|(row, ..)| seen.insert(*row)).collect()
}

/// All rows; if there are too many, the most confident mistakes and then the others in order.
fn chosen(rows: &[Row], threshold: f64) -> Vec<Row> {
    if rows.len() <= SHOWN {
        return rows.to_vec();
    }
    let p = |row: &Row| sigmoid(row.2);
    let (mut wrong, right): (Vec<Row>, Vec<Row>) =
        rows.iter().partition(|row| (p(row) > threshold) != (row.1 == 1));
    let error = |row: &Row| (p(row) - f64::from(row.1)).abs();
    wrong.sort_by(|a, b| error(b).total_cmp(&error(a)).then(a.0.cmp(&b.0)));
    wrong.truncate(SHOWN / 2);
    wrong.into_iter().chain(right).take(SHOWN).collect()
}

fn patch(
    (row, label, logit): Row,
    columns: &[Column<'_>],
    measured: &Measured,
    image: Option<(&PatchSet, usize)>,
) -> Result<Patch> {
    let mut maps = Vec::new();
    for column in columns {
        let tile =
            column.places.get(&row).map(|at| map_tile(&column.maps.read(*at)?, PATCH_SIDE, column.sign));
        maps.push(tile.transpose()?.map(|tile| (tile.png, tile.scale)));
    }
    let of = |column: &Column<'_>| (column.node.name.to_string(), row);
    Ok(Patch {
        row,
        label,
        probability: sigmoid(logit),
        png: image.map(|(set, at)| patch_tile(&super::parts::read(set, &[at])?, PATCH_SIDE)).transpose()?,
        mask: image.map(|(set, at)| outline(set, at)).transpose()?.flatten(),
        maps,
        measures: columns
            .iter()
            .map(|column| measured.scores.get(&of(column)).cloned().unwrap_or_default())
            .collect(),
        curves: columns.iter().map(|column| measured.curves.get(&of(column)).cloned()).collect(),
    })
}

/// The outline of a patch's true mask; `None` without masks, and for an empty one.
fn outline(set: &PatchSet, at: usize) -> Result<Option<String>> {
    if !set.has_masks() {
        return Ok(None);
    }
    let mut mask = vec![0; MASK_BYTES];
    set.read_masks(&[at], &mut mask)?;
    Ok(Some(mask_path(&mask, PATCH_SIDE)).filter(|path| !path.is_empty()))
}

/// What the page says of a method. Mean maps are of all its maps, each divided by its own scale, so that no patch
/// outweighs the others.
fn method(column: &Column<'_>, at: usize, patches: &[Patch]) -> Result<ExplainedBy> {
    let pixels = PATCH_SIDE * PATCH_SIDE;
    let mut sums = [vec![0.0_f32; pixels], vec![0.0_f32; pixels]];
    let (mut counts, mut odd) = ([0_usize; 2], Vec::new());
    for (place, (row, label)) in column.maps.rows().iter().zip(column.maps.labels()).enumerate() {
        let map = column.maps.read(place)?;
        match MapRange::of(&map) {
            MapRange::Zero | MapRange::Constant(_) => odd.push(*row),
            MapRange::NotFinite(_) => {}
            MapRange::Varied { .. } => {
                let most = map.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
                let class = usize::from(*label == 1);
                counts[class] += 1;
                sums[class].iter_mut().zip(&map).for_each(|(sum, value)| *sum += value / most);
            }
        }
    }
    let mean = |class: usize| (counts[class] > 0).then(|| map_tile(&sums[class], PATCH_SIDE, column.sign));
    let scales = patches.iter().filter_map(|patch| patch.maps[at].as_ref()).map(|(_, scale)| *scale);
    let making = column.maps.making();
    Ok(ExplainedBy {
        stage: column.node.name.to_string(),
        method: making.method.clone(),
        settings: words(making),
        means: [mean(0).transpose()?.map(|tile| tile.png), mean(1).transpose()?.map(|tile| tile.png)],
        scale: scales.fold(0.0, f64::max),
        odd,
    })
}

/// `target tumor, score logit, window 16`.
fn words(making: &crate::data::maps::Making) -> String {
    let parameters = making.parameters.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    let first = [format!("target {}", making.target), format!("score {}", making.score)];
    first.into_iter().chain(parameters).collect::<Vec<_>>().join(", ")
}

/// The measures and curves of every comparison. The first comparison that measures a stage wins.
fn measured(shelf: &mut Shelf<'_>) -> Measured {
    let mut all = Measured::default();
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
