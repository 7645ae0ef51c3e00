//! What explanations are held against: the patches that they are of, their true masks, their slides.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Result, bail, ensure};
use pcamflow::{
    data::{
        MASK_BYTES, PATCH_BYTES, Source,
        h5::{H5File, Length, RowShape, Rows},
        maps::MapSet,
        patch_set::PatchSet,
    },
    metrics::Region,
    serve::Reporter,
    stages::metrics::{Metrics, Truth},
};

use super::Explanations;
use crate::{job::Job, patches};

/// The explained patches, in the order of the maps.
#[derive(Debug)]
pub(super) struct Subject {
    set: PatchSet,
    name: String,
    positions: Vec<usize>,
    /// Per patch its slide, where slides are known.
    slides: Option<Vec<String>>,
    masks: Masks,
    empty_masks: AtomicUsize,
}

/// Where the true masks are.
#[derive(Debug)]
enum Masks {
    None,
    /// Beside the patches.
    Beside,
    /// In a file of their own.
    File(Box<Rows>),
}

impl Subject {
    /// Finds the patches of the maps among the images that they were made with.
    ///
    /// # Errors
    /// What is wrong with a file; maps of other patches; masks that are asked for and not there.
    pub(super) fn open(job: &Job<'_>, stage: &Metrics, explanations: &Explanations) -> Result<Self> {
        let part = job.task.inputs.contains_key("images");
        let name = job.input(if part { "images" } else { "images.x" })?.name.clone();
        let set = patches::open(job, "images")?;
        let positions = find(explanations.first(), &set, &name)?;
        job.reporter.info(&format!("{} explained patches of {name}", positions.len()));
        let slides = patches::slides(job, &set, &positions)?;
        let masks = masks(job, stage, &set, &name)?;
        Ok(Self { set, name, positions, slides, masks, empty_masks: AtomicUsize::new(0) })
    }

    /// What people call the patches.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The slide of a patch.
    pub(super) fn slide(&self, index: usize) -> Option<&str> {
        self.slides.as_ref().map(|slides| slides[index].as_str())
    }

    /// The pixels of some patches, [96, 96, 3] each: read together, for a packed file is unpacked in chunks
    /// of many.
    ///
    /// # Errors
    /// A damaged file.
    pub(super) fn pixels(&self, indices: &[usize]) -> Result<Vec<Vec<u8>>> {
        let positions: Vec<usize> = indices.iter().map(|&index| self.positions[index]).collect();
        let mut pixels = vec![0; positions.len() * PATCH_BYTES];
        self.set.read(&positions, &mut pixels)?;
        Ok(pixels.chunks_exact(PATCH_BYTES).map(<[u8]>::to_vec).collect())
    }

    /// Where the evidence of a patch truly lies; `None` where that is not known, or the mask is empty.
    ///
    /// # Errors
    /// A damaged file.
    pub(super) fn region(&self, index: usize) -> Result<Option<Region>> {
        let (position, mut mask) = (self.positions[index], vec![0; MASK_BYTES]);
        match &self.masks {
            Masks::None => return Ok(None),
            Masks::Beside => self.set.read_masks(&[position], &mut mask)?,
            Masks::File(masks) => masks.read(&[position as u64], &mut mask)?,
        }
        if mask.iter().all(|&value| value == 0) {
            self.empty_masks.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        Ok(Some(Region::from_mask(&mask)?))
    }

    /// Warns of positives whose masks are empty.
    pub(super) fn report_odd_masks(&self, reporter: &dyn Reporter) {
        let empty = self.empty_masks.load(Ordering::Relaxed);
        if empty > 0 {
            let name = self.name();
            reporter.warn(&format!(
                "{empty} positives of {name} have an empty mask: they are held against the centre box only"
            ));
        }
    }
}

/// The positions of the maps' patches, by their rows.
fn find(maps: &MapSet, set: &PatchSet, name: &str) -> Result<Vec<usize>> {
    let mut positions = BTreeMap::new();
    for (position, &row) in set.rows().iter().enumerate() {
        let before = positions.insert(row, position);
        ensure!(before.is_none(), "{name}: row {row} occurs twice, so whose map is whose cannot be told");
    }
    let (source, labels) = (maps.source(), maps.labels());
    let find = |(&row, &label): (&i64, &u8)| match positions.get(&row) {
        None => bail!("{source} has a map of row {row}, which is not among {name}: it was made of others"),
        Some(&at) if set.labels()[at] == label => Ok(at),
        Some(&at) => bail!(
            "{source}: row {row} has the label {label}, and {} in {name}: it was made of others",
            set.labels()[at]
        ),
    };
    maps.rows().iter().zip(labels).map(find).collect()
}

fn masks(job: &Job<'_>, stage: &Metrics, set: &PatchSet, name: &str) -> Result<Masks> {
    if stage.localisation == Truth::CentreBox {
        return Ok(Masks::None);
    }
    if stage.masks.is_some() {
        let file = job.input("masks")?;
        let file = H5File::open(&Source::new(&file.path, &file.name))?;
        let masks = Rows::open(&file, "mask", RowShape::Mask, Length::Exactly(set.len()))?;
        return Ok(Masks::File(Box::new(masks)));
    }
    if set.has_masks() {
        return Ok(Masks::Beside);
    }
    ensure!(
        stage.localisation != Truth::Masks,
        "masks are missing: {name} has none, and `localisation = \"masks\"` asks for them"
    );
    Ok(Masks::None)
}
