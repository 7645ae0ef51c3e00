//! The parts of splits, for the page: counts, samples, mean patches and colours, leaks.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::{frame::frame, shelf::Shelf};
use crate::{
    data::{
        Source,
        patch_set::{PatchSet, PatchSource},
        sample::sample,
    },
    html::{Frame, Part},
    pipeline::StageNode,
    report::patch_tile,
    side::Side,
    stages::Kind,
};

/// The artifacts of a split that have patches.
const PARTS: [&str; 3] = ["train", "validation", "test"];
/// How many patches of a part are shown.
const SHOWN: usize = 12;
/// How many patches of a part its means and colours are of: enough for a mean, and read in a moment.
const LOOKED_AT: usize = 1000;

/// Every part of every split that has a result; and what parts have in common: exact duplicates and slides, a sentence
/// each.
pub(super) fn all(shelf: &mut Shelf<'_>) -> (Vec<Part>, Vec<String>) {
    let (mut parts, mut leaks) = (Vec::new(), Vec::new());
    for node in shelf.stages(&[Kind::Split]) {
        let sets = sets(shelf, node);
        for (name, set) in &sets {
            let read = part(node, name, set, frame(shelf.pipeline, set.side())).map(Some);
            parts.extend(shelf.note(format!("{}/{name}", node.name), read));
        }
        let read = shelf.json::<Value>(node, "split");
        leaks
            .extend(shelf.note(&node.name, read).map(|split| duplicates(node, &split)).into_iter().flatten());
        leaks.extend(shared_slides(node, &sets));
    }
    (parts, leaks)
}

/// The parts of a split whose bytes are here.
fn sets(shelf: &mut Shelf<'_>, node: &StageNode) -> Vec<(&'static str, PatchSet)> {
    let mut sets = Vec::new();
    for name in PARTS {
        let read = open(shelf, node, name);
        sets.extend(shelf.note(format!("{}/{name}", node.name), read).map(|set| (name, set)));
    }
    sets
}

fn open(shelf: &Shelf<'_>, node: &StageNode, name: &str) -> Result<Option<PatchSet>> {
    let Some(file) = shelf.file(node, name) else { return Ok(None) };
    PatchSet::open(&PatchSource::Part(Source::new(file, format!("{}/{name}", node.name)))).map(Some)
}

fn part(node: &StageNode, name: &str, set: &PatchSet, frame: Frame) -> Result<Part> {
    let looked_at = sample(set.labels(), LOOKED_AT, true, 0);
    let pixels = read(set, &looked_at)?;
    let labels: Vec<u8> = looked_at.iter().map(|at| set.labels()[*at]).collect();
    let positives = set.labels().iter().filter(|label| **label == 1).count() as u64;
    let side = set.side();
    let samples = labels.iter().zip(pixels.chunks_exact(side.bytes())).take(SHOWN);
    let (means, colors) = means(&labels, &pixels, side)?;
    Ok(Part {
        name: format!("{}/{name}", node.name),
        counts: [set.len() as u64 - positives, positives],
        slides: set.slides().map(|slides| slides.codes.iter().collect::<BTreeSet<_>>().len()),
        looked_at: looked_at.len(),
        frame,
        samples: samples
            .map(|(label, rgb)| Ok((patch_tile(rgb, side.get())?, *label)))
            .collect::<Result<_>>()?,
        means,
        colors,
    })
}

/// Patches by position, [positions, S, S, 3].
pub(super) fn read(set: &PatchSet, positions: &[usize]) -> Result<Vec<u8>> {
    let mut pixels = vec![0; positions.len() * set.side().bytes()];
    set.read(positions, &mut pixels)?;
    Ok(pixels)
}

/// The mean colour of a patch: red, green, blue, 0 to 255.
pub(super) fn mean_color(patch: &[u8]) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for pixel in patch.chunks_exact(3) {
        sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.map(|sum| sum / (patch.len() / 3).max(1) as f64)
}

/// The mean patch of each class as PNG, and its mean colour; `None` for a class without patches.
type Means = ([Option<Vec<u8>>; 2], [Option<[f64; 3]>; 2]);

fn means(labels: &[u8], pixels: &[u8], side: Side) -> Result<Means> {
    let (mut patches, mut colors) = ([None, None], [None, None]);
    for class in [0_u8, 1] {
        let of_class =
            labels.iter().zip(pixels.chunks_exact(side.bytes())).filter(|(label, _)| **label == class);
        let (mut sums, mut count) = (vec![0_u64; side.bytes()], 0);
        for (_, patch) in of_class {
            sums.iter_mut().zip(patch).for_each(|(sum, value)| *sum += u64::from(*value));
            count += 1;
        }
        if count > 0 {
            let mean: Vec<u8> = sums.iter().map(|sum| (sum / count) as u8).collect();
            patches[usize::from(class)] = Some(patch_tile(&mean, side.get())?);
            colors[usize::from(class)] = Some(mean_color(&mean));
        }
    }
    Ok((patches, colors))
}

fn duplicates(node: &StageNode, split: &Value) -> Vec<String> {
    let pairs = split["duplicates"].as_object().into_iter().flatten();
    let counts = pairs.filter_map(|(pair, count)| Some((pair.replace('-', " "), count.as_u64()?)));
    let some = counts.filter(|(_, count)| *count > 0);
    some.map(|(pair, count)| format!("{}: {count} exact duplicates ({pair}).", node.name)).collect()
}

fn shared_slides(node: &StageNode, sets: &[(&str, PatchSet)]) -> Option<String> {
    let slides: Vec<(&str, BTreeSet<&str>)> =
        sets.iter().filter_map(|(name, set)| Some((*name, names(set)?))).collect();
    let mut found = Vec::new();
    for (at, (name, first)) in slides.iter().enumerate() {
        for (other, second) in &slides[at + 1..] {
            let shared = first.intersection(second).count();
            found.extend(
                (shared > 0).then(|| {
                    format!("{shared} of the {} slides of {other} are also in {name}", second.len())
                }),
            );
        }
    }
    (!found.is_empty()).then(|| format!("{}: {}.", node.name, found.join(", ")))
}

/// The slides of the patches of a part.
fn names(set: &PatchSet) -> Option<BTreeSet<&str>> {
    let slides = set.slides()?;
    let codes: BTreeSet<i32> = slides.codes.iter().copied().collect();
    let named = codes.into_iter().filter_map(|code| slides.names.get(usize::try_from(code).ok()?));
    Some(named.map(String::as_str).collect())
}
