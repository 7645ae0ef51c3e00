//! Computes `preview`: draws some patches, and lists what the files say about them.

use anyhow::{Context, Result, bail, ensure};

use super::outcome::on_cpu;
use crate::{
    data::{
        Source,
        h5::{H5File, Length, Rows},
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
    let Files { name, patches, .. } = &files;
    let (room, rows, columns) = (usize::try_from(stage.rows * stage.columns)?, stage.rows, stage.columns);
    ensure!(
        patches.len() >= room,
        "the grid has room for {room} patches ({rows} rows, {columns} columns), but {name} has only {}: make `rows` \
         or `columns` smaller",
        patches.len()
    );
    let positions = sample(patches.labels(), room, stage.balanced, stage.seed);
    let side = patches.side();
    let mut pixels = vec![0; positions.len() * side.bytes()];
    patches.read(&positions, &mut pixels)?;
    let masks = files.masks(&positions)?;
    reporter.progress(room as u64, room as u64, "patches", "");
    let each = positions.iter().zip(pixels.chunks_exact(side.bytes())).enumerate();
    let samples = each.map(|(index, (&at, rgb))| {
        let mask = masks.as_ref().map(|masks| &masks[index * side.pixels()..][..side.pixels()]);
        files.sample(at, rgb, mask)
    });
    let samples: Vec<Sample<'_>> = samples.collect();
    let positives = samples.iter().filter(|sample| sample.positive).count();
    let subtitle = subtitle(stage, patches.len(), [room - positives, positives]);
    let grid = Grid {
        title: "Preview: sample patches",
        subtitle: &subtitle,
        classes: &stage.classes,
        columns: usize::try_from(stage.columns)?,
        centre_box: stage.centre_box.of(side),
    };
    write(task, &samples, &grid)?;
    Ok(on_cpu([("patches", room as u64), ("positives", positives as u64)]))
}

/// Writes the artifacts. The name of the input is not in the picture, because it is not in the key.
fn write(task: &Task, samples: &[Sample<'_>], grid: &Grid<'_>) -> Result<()> {
    let picture = report::preview(samples, grid)?;
    let artifacts = [
        ("grid.png", picture.png()?),
        ("grid.svg", picture.svg()?.into_bytes()),
        ("rows.csv", table(samples)?),
    ];
    for (file, bytes) in artifacts {
        fsx::write_atomic(&task.staging.join(file), &bytes, Durability::Relaxed)?;
    }
    Ok(())
}

fn subtitle(stage: &Preview, all: usize, [negatives, positives]: [usize; 2]) -> String {
    let ([negative, positive], seed) = (&stage.classes, stage.seed);
    let how = if stage.balanced { "balanced, " } else { "" };
    let total = negatives + positives;
    format!("{total} of {all} patches ({how}seed {seed}): {negatives} {negative}, {positives} {positive}")
}

/// The open files of a preview.
struct Files {
    name: String,
    /// Whether the patches are a part of a split.
    part: bool,
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
        let images = part.clone().or_else(|| source("images.x")).context("the task has no images")?;
        let name = images.name.clone();
        let patches = match (&part, source("images.y")) {
            (Some(part), _) => PatchSet::open(&PatchSource::Part(part.clone()))?,
            (None, Some(labels)) => PatchSet::open(&PatchSource::Pair { images, labels })?,
            (None, None) => {
                let meta = meta.as_ref().context("the task has no labels")?;
                PatchSet::with_labels(&images, labels(facts.as_deref().unwrap_or_default(), meta)?, meta)?
            }
        };
        let mut files = Self { name, part: part.is_some(), patches, facts, masks: None };
        if let (Some(meta), Some(facts)) = (&meta, &files.facts) {
            files.check_length(meta, facts.len(), "lines of patches")?;
            files.compare_labels(meta, facts, reporter);
        }
        if let Some(masks) = source("masks") {
            let rows = Rows::masks(&H5File::open(&masks)?, Length::Any)?.of_side(files.patches.side())?;
            files.check_length(&masks, rows.len(), "masks")?;
            files.masks = Some(rows);
        }
        Ok(files)
    }

    /// Checks that a file has as many entries as the original file of the patches. Of a part of a split, only the
    /// largest row is known.
    fn check_length(&self, what: &Source, length: usize, unit: &str) -> Result<()> {
        let (name, count) = (&self.name, self.patches.len());
        let rows = self.patches.rows();
        let outside = rows.iter().find(|&&row| !usize::try_from(row).is_ok_and(|row| row < length));
        if let Some(row) = outside.filter(|_| self.part) {
            bail!("{what} has {length} {unit}, but {name} has row {row}: it belongs to other patches");
        }
        ensure!(
            self.part || length == count,
            "{what} has {length} {unit}, but {name} has {count} patches: it belongs to other patches"
        );
        Ok(())
    }

    /// Warns if the labels of a table differ from those of the patches.
    fn compare_labels(&self, meta: &Source, facts: &[Facts], reporter: &dyn Reporter) {
        let differs = |&(&row, &label): &(&i64, &u8)| {
            let other = usize::try_from(row).ok().and_then(|row| facts.get(row)?.center_tumor_patch);
            other.is_some_and(|other| other != (label == 1))
        };
        let mut differing = self.patches.rows().iter().zip(self.patches.labels()).filter(differs);
        if let Some((first, _)) = differing.next() {
            let (count, all) = (1 + differing.count(), self.patches.len());
            reporter.warn(&format!(
                "{meta}: `center_tumor_patch` contradicts the label of {count} of {all} patches, first of row \
                 {first}; the picture goes by the labels"
            ));
        }
    }

    /// The masks of some patches, if there are masks.
    fn masks(&self, positions: &[usize]) -> Result<Option<Vec<u8>>> {
        let mut out = vec![0; positions.len() * self.patches.side().pixels()];
        match &self.masks {
            Some(masks) => {
                let rows = positions.iter().map(|&at| self.patches.rows()[at].unsigned_abs());
                masks.read(&rows.collect::<Vec<u64>>(), &mut out)?;
            }
            None if self.patches.has_masks() => self.patches.read_masks(positions, &mut out)?,
            None => return Ok(None),
        }
        Ok(Some(out))
    }

    fn sample<'a>(&'a self, at: usize, rgb: &'a [u8], mask: Option<&'a [u8]>) -> Sample<'a> {
        let row = self.patches.rows()[at];
        let facts = self.facts.as_ref().and_then(|facts| facts.get(usize::try_from(row).ok()?));
        let slide = self.patches.slides().map(|slides| slides.names[slides.codes[at] as usize].as_str());
        Sample {
            rgb,
            mask,
            positive: self.patches.labels()[at] == 1,
            row,
            slide: facts.and_then(|facts| facts.slide.as_deref()).or(slide),
            position: facts.and_then(|facts| Some([facts.x.as_deref()?, facts.y.as_deref()?])),
            tumor_patch: facts.and_then(|facts| facts.tumor_patch),
            center_tumor_patch: facts.and_then(|facts| facts.center_tumor_patch),
        }
    }
}

/// The labels of a table.
fn labels(facts: &[Facts], meta: &Source) -> Result<Vec<u8>> {
    let label = |(patch, facts): (usize, &Facts)| {
        let missing =
            || format!("{meta}: no `center_tumor_patch` for patch {patch}: without `y` it is the label");
        facts.center_tumor_patch.map(u8::from).with_context(missing)
    };
    facts.iter().enumerate().map(label).collect()
}

/// `rows.csv`: the patches in the order of the grid. Unknown cells are empty.
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
