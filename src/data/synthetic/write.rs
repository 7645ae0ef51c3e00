//! Writes a synthetic set in the official layout: `images.h5`, `labels.h5`, `masks.h5`, `meta.csv`, and
//! `sheet.png` to look at.
//!
//! A few hundred patches are in memory at a time.

use std::{
    fs::{self, File},
    io::{BufWriter, Cursor, Write},
    path::Path,
};

use anyhow::{Context, Result};

use super::{
    dataset::Dataset,
    recipe::{Patch, Recipe},
    sheet::contact_sheet,
};
use crate::data::{
    PATCH_SIDE as SIDE,
    arrays::{Array, ArrayFile, Element, Notes},
};

/// Patches made and written at a time.
const CHUNK: u32 = 256;
/// Patches on the contact sheet.
const ON_SHEET: u32 = 48;
/// Patches in a row of a slide's grid.
const COLUMNS: usize = 32;
/// Pixels of level 0, in which coordinates count, per pixel of a patch.
const DOWNSAMPLE: usize = 4;

/// Makes a set and writes it into the folder `dir`. `progress` is called with the patches done and the patches
/// in all.
///
/// `images.h5`: `x` [N, 96, 96, 3] uint8; `labels.h5`: `y` [N, 1, 1, 1] uint8; `masks.h5`: `mask` [N, 96, 96]
/// uint8, 1 where tumour is; `meta.csv`; `sheet.png`: the first 48 patches.
///
/// # Errors
/// A folder that cannot be written, a full disk.
pub fn synthesize(recipe: &Recipe, dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let dataset = Dataset::new(recipe);
    let mut files = Files::create(dir, recipe)?;
    for first in (0..recipe.patches).step_by(CHUNK as usize) {
        let end = recipe.patches.min(first.saturating_add(CHUNK));
        files.add(&dataset.patches(first..end))?;
        progress(end.into(), recipe.patches.into());
    }
    files.finish()?;
    let mut png = Cursor::new(Vec::new());
    let sheet = contact_sheet(&dataset.patches(0..recipe.patches.min(ON_SHEET)));
    sheet.write_to(&mut png, image::ImageFormat::Png).context("cannot encode the contact sheet")?;
    // Not written by the encoder: its errors hide that a disk is full.
    let path = dir.join("sheet.png");
    fs::write(&path, png.into_inner()).with_context(|| format!("cannot write {}", path.display()))
}

/// The four files that grow together.
struct Files {
    images: ArrayFile,
    labels: ArrayFile,
    masks: ArrayFile,
    meta: BufWriter<File>,
    /// Patches so far.
    rows: usize,
    /// Patches so far per slide.
    rows_of_slide: Vec<usize>,
}

impl Files {
    fn create(dir: &Path, recipe: &Recipe) -> Result<Self> {
        let rows = recipe.patches as usize;
        let array = |file: &str, name: &str, shape: &[usize]| {
            ArrayFile::create(&dir.join(file), vec![Array::new(name, Element::U8, shape)], &Notes::default())
        };
        let meta = dir.join("meta.csv");
        let meta = File::create(&meta).with_context(|| format!("cannot create {}", meta.display()))?;
        let mut meta = BufWriter::new(meta);
        writeln!(meta, ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi")
            .context("cannot write meta.csv")?;
        Ok(Self {
            images: array("images.h5", "x", &[rows, SIDE, SIDE, 3])?,
            labels: array("labels.h5", "y", &[rows, 1, 1, 1])?,
            masks: array("masks.h5", "mask", &[rows, SIDE, SIDE])?,
            meta,
            rows: 0,
            rows_of_slide: vec![0; recipe.slides as usize],
        })
    }

    fn add(&mut self, patches: &[Patch]) -> Result<()> {
        let together =
            |part: fn(&Patch) -> &[u8]| patches.iter().flat_map(part).copied().collect::<Vec<u8>>();
        self.images.write_bytes("x", self.rows, &together(|patch| &patch.rgb))?;
        self.labels.write_bytes("y", self.rows, &together(|patch| std::slice::from_ref(&patch.label)))?;
        self.masks.write_bytes("mask", self.rows, &together(|patch| &patch.mask))?;
        patches.iter().try_for_each(|patch| self.add_meta(patch)).context("cannot write meta.csv")
    }

    /// Patches of a slide are placed side by side on a grid.
    fn add_meta(&mut self, patch: &Patch) -> std::io::Result<()> {
        let place = &mut self.rows_of_slide[patch.slide as usize];
        let [y, x] = [*place / COLUMNS, *place % COLUMNS].map(|cell| cell * SIDE * DOWNSAMPLE);
        let [tumor, centre] = [patch.mask.contains(&1), patch.label == 1].map(python_bool);
        writeln!(self.meta, "{},{y},{x},{tumor},{centre},synthetic_slide_{:03}", self.rows, patch.slide)?;
        *place += 1;
        self.rows += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.images.finish()?;
        self.labels.finish()?;
        self.masks.finish()?;
        self.meta.flush().context("cannot write meta.csv")
    }
}

/// As in the official table.
fn python_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["images.h5", "labels.h5", "masks.h5", "meta.csv", "sheet.png"];

    /// More than one chunk.
    fn recipe() -> Recipe {
        Recipe { patches: CHUNK + 20, slides: 3, ..Recipe::default() }
    }

    #[test]
    fn two_writes_give_the_same_bytes() {
        let made = [(); 2].map(|()| {
            let dir = tempfile::tempdir().unwrap();
            synthesize(&recipe(), dir.path(), &mut |_, _| {}).unwrap();
            NAMES.map(|name| std::fs::read(dir.path().join(name)).unwrap())
        });
        for (name, (first, second)) in NAMES.iter().zip(made[0].iter().zip(&made[1])) {
            assert!(first == second, "{name} differs");
        }
    }

    #[test]
    fn files_hold_the_patches_in_the_official_layout() {
        let dir = tempfile::tempdir().unwrap();
        let mut calls = Vec::new();
        synthesize(&recipe(), dir.path(), &mut |done, all| calls.push((done, all))).unwrap();
        assert_eq!(calls, [(256, 276), (276, 276)]);
        let patches = Dataset::new(&recipe()).patches(0..276);
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
        for (n, patch) in patches.iter().enumerate() {
            assert!(images.1[n * 27648..][..27648] == patch.rgb, "patch {n}");
            assert!(masks.1[n * 9216..][..9216] == patch.mask, "mask {n}");
            assert_eq!(labels.1[n], patch.label);
        }
    }

    #[test]
    fn rows_of_the_meta_table_have_the_official_columns_and_distinct_coordinates() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = Recipe { patches: 3, slides: 2, ..Recipe::default() };
        let mut files = Files::create(dir.path(), &recipe).unwrap();
        let patch = |label, slide, tumor| Patch { rgb: vec![], mask: vec![tumor], label, slide };
        for patch in [patch(1, 1, 1), patch(0, 1, 1), patch(0, 0, 0)] {
            files.add_meta(&patch).unwrap();
        }
        files.meta.flush().unwrap();
        let expected = ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi\n\
                        0,0,0,True,True,synthetic_slide_001\n\
                        1,0,384,True,False,synthetic_slide_001\n\
                        2,0,0,False,False,synthetic_slide_000\n";
        assert_eq!(fs::read_to_string(dir.path().join("meta.csv")).unwrap(), expected);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = synthesize(&recipe(), file.path(), &mut |_, _| {}).unwrap_err();
        assert!(format!("{error:#}").contains(file.path().to_str().unwrap()), "{error:#}");
    }
}
