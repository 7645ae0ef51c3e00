//! Computes `preview`: draws patches, and gathers what files say of them.

use anyhow::{Context, Result, ensure};

use super::outcome::on_cpu;
use crate::{
    data::{
        MASK_BYTES, PATCH_BYTES, Source,
        h5::{H5File, Length, RowShape, Rows},
        meta::{Facts, read_facts},
        patch_set::{PatchSet, PatchSource},
        sample::sample,
    },
    fsx::{self, Durability},
    protocol::{Outcome, Task},
    report::{self, Grid, Sample},
    serve::Reporter,
    stages::preview::Preview,
};

pub(super) fn run(stage: &Preview, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let files = Files::open(task, reporter)?;
    let room = usize::try_from(stage.rows * stage.columns)?;
    ensure!(
        files.patches.len() >= room,
        "the grid has room for {room} patches ({} rows, {} columns), but {} has only {}: make `rows` or \
         `columns` smaller",
        stage.rows,
        stage.columns,
        files.name,
        files.patches.len()
    );
    let drawn = Drawn::new(&files, sample(files.patches.labels(), room, stage.balanced, stage.seed))?;
    reporter.progress(room as u64, room as u64, "patches", "");
    let samples = drawn.samples();
    let positives = samples.iter().filter(|sample| sample.positive).count();
    let subtitle = subtitle(stage, &files, [room - positives, positives]);
    let columns = usize::try_from(stage.columns)?;
    // No name of an input: it is no part of the key.
    let grid = Grid { title: "Sample patches", subtitle: &subtitle, classes: &stage.classes, columns };
    let picture = report::preview(&samples, &grid)?;
    let write =
        |file: &str, bytes: &[u8]| fsx::write_atomic(&task.staging.join(file), bytes, Durability::Relaxed);
    write("grid.png", &picture.png()?)?;
    write("grid.svg", picture.svg()?.as_bytes())?;
    write("rows.csv", &table(&samples)?)?;
    Ok(on_cpu([("patches", room as u64), ("positives", positives as u64)]))
}

fn subtitle(stage: &Preview, files: &Files, [negatives, positives]: [usize; 2]) -> String {
    let [negative, positive] = &stage.classes;
    let (all, seed) = (files.patches.len(), stage.seed);
    let how = if stage.balanced { "balanced, " } else { "" };
    let total = negatives + positives;
    format!("{total} of {all} patches ({how}seed {seed}): {negatives} {negative}, {positives} {positive}")
}

/// The files that a preview reads, open and found to belong together.
struct Files {
    name: String,
    patches: PatchSet,
    facts: Option<Vec<Facts>>,
    masks: Option<Rows>,
}

impl Files {
    fn open(task: &Task, reporter: &dyn Reporter) -> Result<Self> {
        let source = |slot: &str| task.inputs.get(slot).map(|file| Source::new(&file.path, &file.name));
        let meta = source("meta");
        let facts = meta.as_ref().map(read_facts).transpose()?;
        let part = source("images");
        let images =
            part.as_ref().or(source("images.x").as_ref()).cloned().context("the task names no images")?;
        let patches = match (&part, source("images.y")) {
            (Some(part), _) => PatchSet::open(&PatchSource::Part(part.clone()))?,
            (None, Some(labels)) => PatchSet::open(&PatchSource::Pair { images: images.clone(), labels })?,
            (None, None) => {
                let meta = meta.as_ref().context("the task names no labels")?;
                PatchSet::with_labels(&images, labels(facts.as_deref().unwrap_or_default(), meta)?, meta)?
            }
        };
        let name = images.name.clone();
        if let (Some(meta), Some(facts)) = (&meta, &facts) {
            beside(&patches, part.is_some(), &name, meta, facts.len(), "lines of patches")?;
            compare(&patches, meta, facts, reporter);
        }
        let open_masks = |masks: Source| {
            let rows = Rows::open(&H5File::open(&masks)?, "mask", RowShape::Mask, Length::Any)?;
            beside(&patches, part.is_some(), &name, &masks, rows.len(), "masks").map(|()| rows)
        };
        let masks = source("masks").map(open_masks).transpose()?;
        Ok(Self { name, patches, facts, masks })
    }

    /// The masks of some patches, where there are any; one after the other.
    fn masks(&self, positions: &[usize]) -> Result<Option<Vec<u8>>> {
        let mut out = vec![0; positions.len() * MASK_BYTES];
        match &self.masks {
            Some(masks) => {
                let rows: Vec<u64> =
                    positions.iter().map(|&at| self.patches.rows()[at].unsigned_abs()).collect();
                masks.read(&rows, &mut out)?;
            }
            None if self.patches.has_masks() => self.patches.read_masks(positions, &mut out)?,
            None => return Ok(None),
        }
        Ok(Some(out))
    }
}

/// The labels that a table says.
fn labels(facts: &[Facts], meta: &Source) -> Result<Vec<u8>> {
    let label = |(line, facts): (usize, &Facts)| {
        facts.center_tumor_patch.map(u8::from).with_context(|| {
            format!(
                "{meta}: no `center_tumor_patch` for patch {line}: it has to say the labels where no `y` does"
            )
        })
    };
    facts.iter().enumerate().map(label).collect()
}

/// What is laid beside patches must be as long as the file that they were first in: of a part of a split it
/// is known only that this file has the largest row.
fn beside(
    patches: &PatchSet,
    part: bool,
    name: &str,
    what: &Source,
    length: usize,
    unit: &str,
) -> Result<()> {
    let last = patches.rows().iter().copied().max().unwrap_or_default();
    ensure!(
        last < length as i64 && patches.rows().iter().all(|&row| row >= 0),
        "{what} has {length} {unit}, but {name} has row {last}: it belongs to other patches"
    );
    ensure!(
        part || length == patches.len(),
        "{what} has {length} {unit}, but {name} has {} patches: it belongs to other patches",
        patches.len()
    );
    Ok(())
}

/// Tells where a table says another label than the labels do.
fn compare(patches: &PatchSet, meta: &Source, facts: &[Facts], reporter: &dyn Reporter) {
    let differs = |&(&row, &label): &(&i64, &u8)| {
        let said = usize::try_from(row).ok().and_then(|row| facts.get(row)?.center_tumor_patch);
        said.is_some_and(|said| said != (label == 1))
    };
    let mut differing = patches.rows().iter().zip(patches.labels()).filter(differs);
    if let Some((first, _)) = differing.next() {
        let count = 1 + differing.count();
        reporter.warn(&format!(
            "{meta}: `center_tumor_patch` contradicts the label of {count} of {} patches, first of row {first}; \
             the picture goes by the labels",
            patches.len()
        ));
    }
}

/// The patches that were drawn, and what is known of them.
struct Drawn<'a> {
    files: &'a Files,
    positions: Vec<usize>,
    pixels: Vec<u8>,
    masks: Option<Vec<u8>>,
}

impl<'a> Drawn<'a> {
    fn new(files: &'a Files, positions: Vec<usize>) -> Result<Self> {
        let mut pixels = vec![0; positions.len() * PATCH_BYTES];
        files.patches.read(&positions, &mut pixels)?;
        let masks = files.masks(&positions)?;
        Ok(Self { files, positions, pixels, masks })
    }

    fn samples(&self) -> Vec<Sample<'_>> {
        (0..self.positions.len()).map(|index| self.sample(index)).collect()
    }

    fn sample(&self, index: usize) -> Sample<'_> {
        let (at, patches) = (self.positions[index], &self.files.patches);
        let row = patches.rows()[at];
        let facts = self.files.facts.as_ref().and_then(|facts| facts.get(usize::try_from(row).ok()?));
        let slide = patches.slides().map(|slides| slides.names[slides.codes[at] as usize].as_str());
        Sample {
            rgb: &self.pixels[index * PATCH_BYTES..][..PATCH_BYTES],
            mask: self.masks.as_ref().map(|masks| &masks[index * MASK_BYTES..][..MASK_BYTES]),
            positive: patches.labels()[at] == 1,
            row,
            slide: facts.and_then(|facts| facts.slide.as_deref()).or(slide),
            position: facts.and_then(|facts| Some([facts.x.as_deref()?, facts.y.as_deref()?])),
            tumor_patch: facts.and_then(|facts| facts.tumor_patch),
            center_tumor_patch: facts.and_then(|facts| facts.center_tumor_patch),
        }
    }
}

/// `rows.csv`: what was drawn, in the order of the grid; a cell is empty where nothing is known.
fn table(samples: &[Sample<'_>]) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["row", "label", "wsi", "coord_x", "coord_y", "tumor_patch", "center_tumor_patch"])?;
    let flag = |known: Option<bool>| known.map_or("", |yes| if yes { "True" } else { "False" }).to_owned();
    for sample in samples {
        let [x, y] = sample.position.unwrap_or_default();
        table.write_record([
            sample.row.to_string(),
            u8::from(sample.positive).to_string(),
            sample.slide.unwrap_or_default().to_owned(),
            x.to_owned(),
            y.to_owned(),
            flag(sample.tumor_patch),
            flag(sample.center_tumor_patch),
        ])?;
    }
    table.into_inner().context("cannot finish rows.csv")
}
