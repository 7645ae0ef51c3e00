//! The explanations, for the page: stages that explain the same patches of the same model are one table.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{frame::frame, measured::Measured, shelf::Shelf};
use crate::{
    data::{Source, maps::MapSet, patch_set::PatchSet},
    html::{Explained, ExplainedBy, Patch},
    metrics::{MapRange, sigmoid},
    pipeline::StageNode,
    report::{Sign, map_tile, mask_path, patch_tile},
    side::Side,
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
    let measured = Measured::all(shelf);
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
    // As on the sheets: Grad-CAM and saliency are never negative, and the sign of integrated gradients changes from
    // pixel to pixel.
    let sign = match maps.making().method.as_str() {
        "grad-cam" | "saliency" => Sign::Positive,
        "integrated-gradients" => Sign::Magnitude,
        _ => Sign::Both,
    };
    Ok(Some(Column { node, maps, places, sign }))
}

fn table(
    shelf: &mut Shelf<'_>,
    columns: &[Column<'_>],
    measured: &Measured,
    threshold: f64,
) -> Result<Explained> {
    let rows = rows(columns);
    let explained = rows.len();
    let shown = chosen(&rows, threshold);
    let images = images(shelf, columns);
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
    let frame = frame(shelf.pipeline, columns.first().map_or(Side::PCAM, |column| column.maps.side()));
    let (model, images) = (String::new(), String::new());
    Ok(Explained { model, images, frame, methods, patches, explained, threshold })
}

/// The explained patches, from the first stage that can tell them.
fn images(shelf: &mut Shelf<'_>, columns: &[Column<'_>]) -> Option<PatchSet> {
    let mut read = Ok(None);
    for column in columns {
        read = shelf
            .patches(column.node, "images")
            .with_context(|| format!("the images of {}", column.node.name));
        if matches!(read, Ok(Some(_))) {
            break;
        }
    }
    shelf.note("The explained patches", read)
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
        let tile = column
            .places
            .get(&row)
            .map(|at| map_tile(&column.maps.read(*at)?, column.maps.side().get(), column.sign));
        maps.push(tile.transpose()?.map(|tile| (tile.png, tile.scale)));
    }
    let names: Vec<String> = columns.iter().map(|column| column.node.name.to_string()).collect();
    Ok(Patch {
        row,
        label,
        probability: sigmoid(logit),
        png: image
            .map(|(set, at)| patch_tile(&super::parts::read(set, &[at])?, set.side().get()))
            .transpose()?,
        mask: image.map(|(set, at)| outline(set, at)).transpose()?.flatten(),
        maps,
        measures: names.iter().map(|name| measured.scores(name, row)).collect(),
        curves: names.iter().map(|name| measured.curves(name, row)).collect(),
    })
}

/// The outline of a patch's true mask; `None` without masks, and for an empty one.
fn outline(set: &PatchSet, at: usize) -> Result<Option<String>> {
    if !set.has_masks() {
        return Ok(None);
    }
    let mut mask = vec![0; set.side().pixels()];
    set.read_masks(&[at], &mut mask)?;
    Ok(Some(mask_path(&mask, set.side().get())).filter(|path| !path.is_empty()))
}

/// What the page says of a method. Mean maps are of all its maps, each divided by its own scale, so that no patch
/// outweighs the others.
fn method(column: &Column<'_>, at: usize, patches: &[Patch]) -> Result<ExplainedBy> {
    let side = column.maps.side();
    let mut sums = [vec![0.0_f32; side.pixels()], vec![0.0_f32; side.pixels()]];
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
    let mean = |class: usize| (counts[class] > 0).then(|| map_tile(&sums[class], side.get(), column.sign));
    let scales = patches.iter().filter_map(|patch| patch.maps[at].as_ref()).map(|(_, scale)| *scale);
    let making = column.maps.making();
    Ok(ExplainedBy {
        stage: column.node.name.to_string(),
        method: making.method.clone(),
        target: making.target.clone(),
        settings: [Some(words(making)), column.sign.how().map(str::to_owned)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
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
