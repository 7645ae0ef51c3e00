//! Writes a synthetic data set in the official layout: `images.h5`, `labels.h5`, `masks.h5` and `meta.csv`.
//! Only a few hundred patches are in memory at a time.
//!
//! Does not know how a patch is made.

use std::path::Path;

use anyhow::Context;
use rayon::prelude::*;

use super::{
    canvas::SIDE,
    meta,
    recipe::{Dataset, Patch, Recipe},
};
use crate::data::arrays::{Array, ArrayFile, Element, Notes};

/// Number of patches made and written at a time.
const CHUNK: u32 = 256;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthesisReport {
    /// Number of patches.
    pub patches: u32,
    /// Number of patches with tumour in the centre.
    pub positives: u32,
    /// Number of slides.
    pub slides: u32,
    /// The first patches, as many as asked for.
    pub first: Vec<Patch>,
}

/// Makes all patches, writes them to `dir`, and returns the first `keep` of them. Creates the folder and replaces
/// existing files. Calls `progress` with the number of patches done and the total.
///
/// | file | contents |
/// |---|---|
/// | `images.h5` | `x` [N, 96, 96, 3] uint8 |
/// | `labels.h5` | `y` [N, 1, 1, 1] uint8 |
/// | `masks.h5` | `mask` [N, 96, 96] uint8, 1 = tumour |
/// | `meta.csv` | label and slide of each patch |
///
/// # Errors
/// If a value of the recipe is out of range, or the folder or a file cannot be written.
pub fn synthesize(
    recipe: &Recipe,
    dir: &Path,
    keep: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> anyhow::Result<SynthesisReport> {
    let dataset = recipe.clone().plan()?;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create the folder {}", dir.display()))?;
    let mut files = Files::create(dir, recipe)?;
    let (patches, slides) = (recipe.patches, recipe.slides);
    let mut report = SynthesisReport { patches, positives: 0, slides, first: Vec::new() };
    for first in (0..recipe.patches).step_by(CHUNK as usize) {
        let patches = chunk(&dataset, first);
        files.add(&patches)?;
        report.positives += patches.iter().map(|patch| u32::from(patch.label)).sum::<u32>();
        let done = first + patches.len() as u32;
        let missing = keep.saturating_sub(report.first.len());
        report.first.extend(patches.into_iter().take(missing));
        progress(done.into(), recipe.patches.into());
    }
    files.finish()?;
    Ok(report)
}

fn chunk(dataset: &Dataset, first: u32) -> Vec<Patch> {
    (first..first.saturating_add(CHUNK)).into_par_iter().filter_map(|index| dataset.patch(index)).collect()
}

/// The four files that get one row per patch.
struct Files {
    images: ArrayFile,
    labels: ArrayFile,
    masks: ArrayFile,
    meta: meta::Table<std::fs::File>,
    rows: usize,
}

impl Files {
    fn create(dir: &Path, recipe: &Recipe) -> anyhow::Result<Self> {
        let rows = recipe.patches as usize;
        let array = |file: &str, name: &str, shape: &[usize]| {
            ArrayFile::create(&dir.join(file), vec![Array::new(name, Element::U8, shape)], &Notes::default())
        };
        let meta = dir.join("meta.csv");
        let output =
            std::fs::File::create(&meta).with_context(|| format!("cannot create {}", meta.display()))?;
        Ok(Self {
            images: array("images.h5", "x", &[rows, SIDE, SIDE, 3])?,
            labels: array("labels.h5", "y", &[rows, 1, 1, 1])?,
            masks: array("masks.h5", "mask", &[rows, SIDE, SIDE])?,
            meta: meta::Table::begin(output, recipe.slides).context("cannot write meta.csv")?,
            rows: 0,
        })
    }

    fn add(&mut self, patches: &[Patch]) -> anyhow::Result<()> {
        let together =
            |part: fn(&Patch) -> &[u8]| patches.iter().flat_map(part).copied().collect::<Vec<u8>>();
        self.images.write_bytes("x", self.rows, &together(|patch| &patch.rgb))?;
        self.labels.write_bytes("y", self.rows, &together(|patch| std::slice::from_ref(&patch.label)))?;
        self.masks.write_bytes("mask", self.rows, &together(|patch| &patch.mask))?;
        self.rows += patches.len();
        patches.iter().try_for_each(|patch| self.meta.add(patch)).context("cannot write meta.csv")
    }

    fn finish(self) -> anyhow::Result<()> {
        self.images.finish()?;
        self.labels.finish()?;
        self.masks.finish()?;
        self.meta.finish().context("cannot write meta.csv")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["images.h5", "labels.h5", "masks.h5", "meta.csv"];

    /// A recipe with more than one chunk.
    fn recipe() -> Recipe {
        Recipe { patches: CHUNK + 20, slides: 3, ..Recipe::default() }
    }

    #[test]
    fn two_writes_give_the_same_bytes() {
        let made = [(); 2].map(|()| {
            let dir = tempfile::tempdir().unwrap();
            synthesize(&recipe(), dir.path(), 0, &mut |_, _| {}).unwrap();
            NAMES.map(|name| std::fs::read(dir.path().join(name)).unwrap())
        });
        for (name, (first, second)) in NAMES.iter().zip(made[0].iter().zip(&made[1])) {
            assert!(first == second, "{name} differs");
        }
    }

    #[test]
    fn files_hold_the_patches_in_the_official_layout() {
        let dir = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        let report = synthesize(&recipe(), dir.path(), 260, &mut |done, all| told.push((done, all))).unwrap();
        assert_eq!(told, [(256, 276), (276, 276)]);
        assert_eq!((report.patches, report.positives, report.slides), (276, 138, 3));
        let dataset = recipe().plan().unwrap();
        assert!(report.first.len() == 260 && report.first[259] == dataset.patch(259).unwrap());
        let read = |name: &str, inner: &str| {
            let found = hdf5::File::open(dir.path().join(name)).unwrap().dataset(inner).unwrap();
            assert!(found.offset().is_some() && !found.is_chunked(), "{name} is not contiguous");
            (found.shape(), found.read_raw::<u8>().unwrap())
        };
        let (images, labels, masks) =
            (read("images.h5", "x"), read("labels.h5", "y"), read("masks.h5", "mask"));
        assert_eq!(images.0, [276, 96, 96, 3]);
        assert_eq!(labels.0, [276, 1, 1, 1]);
        assert_eq!(masks.0, [276, 96, 96]);
        for index in [0, 255, 256, 275] {
            let (n, patch) = (index as usize, dataset.patch(index).unwrap());
            assert!(images.1[n * 27648..][..27648] == patch.rgb, "patch {index}");
            assert!(masks.1[n * 9216..][..9216] == patch.mask, "mask {index}");
            assert_eq!(labels.1[n], patch.label);
        }
    }

    #[test]
    fn the_error_names_the_folder_that_cannot_be_created() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let inside = file.path().join("set");
        let error = synthesize(&recipe(), &inside, 0, &mut |_, _| {}).unwrap_err();
        assert!(format!("{error:#}").contains(inside.to_str().unwrap()), "{error:#}");
    }
}
