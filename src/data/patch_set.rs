//! Labelled patches to compute with: a part of a split, or a pair of source files.
//!
//! Reads by position, from any thread, and remembers which patches are blank.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, ensure};

use super::{
    Source,
    blank::{Blank, is_constant},
    h5::{H5File, Length, Rows, read_integers, read_labels, read_texts},
    meta::Groups,
    packed::{Window, unpack},
};
use crate::side::Side;

/// Where labelled patches are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchSource {
    /// One file with `x` and `y`: a part of a split.
    Part(Source),
    /// The official layout: `x` in one file, `y` in another.
    Pair {
        /// The file with `x`.
        images: Source,
        /// The file with `y`.
        labels: Source,
    },
}

/// Labelled patches that can be read in any order.
#[derive(Debug)]
pub struct PatchSet {
    patches: Rows,
    labels: Vec<u8>,
    rows: Vec<i64>,
    slides: Option<Groups>,
    masks: Option<Rows>,
    window: Window,
    /// Positions of rows that were never written, ascending.
    unwritten: Vec<usize>,
    /// Positions of patches of a single colour, among those that were read so far.
    constant: Mutex<BTreeSet<usize>>,
}

impl PatchSet {
    /// Opens patches and labels, and `row`, `slide` and `mask` if the file has them.
    ///
    /// # Errors
    /// Anything wrong with a file (see `h5`); datasets of different lengths.
    pub fn open(source: &PatchSource) -> Result<Self> {
        match source {
            PatchSource::Part(part) => {
                let file = H5File::open(part)?;
                Self::new(&file, &file)
            }
            PatchSource::Pair { images, labels } => Self::new(&H5File::open(images)?, &H5File::open(labels)?),
        }
    }

    /// Opens patches with labels from `labels_from`.
    ///
    /// # Errors
    /// As `open`; too few or too many labels.
    pub fn with_labels(images: &Source, labels: Vec<u8>, labels_from: &Source) -> Result<Self> {
        Self::labelled(&H5File::open(images)?, labels, labels_from)
    }

    fn new(images: &H5File, labelled: &H5File) -> Result<Self> {
        Self::labelled(images, read_labels(labelled, "y", Length::Any)?, labelled.source())
    }

    fn labelled(images: &H5File, labels: Vec<u8>, labels_from: &Source) -> Result<Self> {
        let patches = Rows::patches(images)?;
        same_length(&patches, labels_from, labels.len())?;
        let length = Length::Exactly(labels.len());
        let rows = match images.has("row") {
            true => read_integers(images, "row", length)?,
            false => (0..labels.len() as i64).collect(),
        };
        let slides = images.has("slide").then(|| read_slides(images, length)).transpose()?;
        let masks = images.has("mask").then(|| Rows::masks(images, length)?.of_side(patches.side()));
        let masks = masks.transpose()?;
        let unwritten = (0..labels.len()).filter(|&at| patches.is_unwritten(at as u64)).collect();
        let (window, constant) = (Window::default(), Mutex::default());
        Ok(Self { patches, labels, rows, slides, masks, window, unwritten, constant })
    }

    /// The number of patches, at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // an empty file does not open
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Rows and columns of each patch.
    #[must_use]
    pub fn side(&self) -> Side {
        self.patches.side()
    }

    /// For each patch, 0 or 1.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The class of all patches, if all have the same.
    #[must_use]
    pub fn only_class(&self) -> Option<u8> {
        only_class(&self.labels)
    }

    /// For each patch, its row in the original file.
    #[must_use]
    pub fn rows(&self) -> &[i64] {
        &self.rows
    }

    /// The slides of the patches, if known.
    #[must_use]
    pub fn slides(&self) -> Option<&Groups> {
        self.slides.as_ref()
    }

    /// Whether there are ground-truth masks.
    #[must_use]
    pub fn has_masks(&self) -> bool {
        self.masks.is_some()
    }

    /// Reads patches by position, in any order, into `out`: [positions, S, S, 3] bytes, S the side.
    ///
    /// # Errors
    /// A damaged or missing file. Names it and the rows.
    ///
    /// # Panics
    /// If `out` has not the length of all patches.
    pub fn read(&self, positions: &[usize], out: &mut [u8]) -> Result<()> {
        match Window::suits(&self.patches, positions) {
            true => self.window.read(&self.patches, positions, out)?,
            false => self.patches.read(&as_rows(positions), out)?,
        }
        let patches = positions.iter().zip(out.chunks_exact(self.side().bytes()));
        let mut constant = patches.filter(|(_, pixels)| is_constant(pixels)).map(|(&at, _)| at).peekable();
        if constant.peek().is_some() {
            self.constant.lock().unwrap_or_else(PoisonError::into_inner).extend(constant);
        }
        Ok(())
    }

    /// How many of the patches at some positions are blank, among those that were read.
    #[must_use]
    pub fn blank(&self, positions: &[usize]) -> Blank {
        let constant = self.constant.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blank = Blank::default();
        for at in positions {
            let unwritten = self.unwritten.binary_search(at).is_ok();
            blank.look(self.rows[*at], unwritten, constant.contains(at));
        }
        blank
    }

    /// Whether a read in random order unpacks whole chunks for single patches.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.patches.is_packed()
    }

    /// Unpacks all patches once into a temporary file in a folder, so that reads in any order are fast. `progress`
    /// is called with the patches done.
    ///
    /// # Errors
    /// As `read`; a folder that cannot be written, a full disk.
    pub fn unpack(&mut self, folder: &Path, progress: &mut dyn FnMut(usize)) -> Result<()> {
        self.patches = unpack(&self.patches, folder, progress)?;
        Ok(())
    }

    /// Reads masks by position into `out`: [positions, S, S] bytes, not 0 where tumour is.
    ///
    /// # Errors
    /// As `read`; a file without masks.
    ///
    /// # Panics
    /// If `out` has not the length of all masks.
    pub fn read_masks(&self, positions: &[usize], out: &mut [u8]) -> Result<()> {
        let Some(masks) = &self.masks else {
            anyhow::bail!("{} has no dataset `mask`", self.patches.source());
        };
        masks.read(&as_rows(positions), out)
    }
}

/// The class of all labels, if all are the same.
#[must_use]
pub fn only_class(labels: &[u8]) -> Option<u8> {
    labels.first().copied().filter(|first| labels.iter().all(|label| label == first))
}

/// Checks that there are as many labels as patches.
///
/// # Errors
/// There are not.
pub(super) fn same_length(patches: &Rows, labels: &Source, count: usize) -> Result<()> {
    let (images, rows) = (patches.source(), patches.len());
    ensure!(rows == count, differ(images, rows, labels, count, "labels"));
    Ok(())
}

/// The message for a file that has not as many rows as the images.
#[must_use]
pub fn differ(images: &Source, patches: usize, other: &Source, rows: usize, unit: &str) -> String {
    format!(
        "{images} has {patches} patches, {other} has {rows} {unit}: they must be as many; are both of the same \
         split?"
    )
}

fn read_slides(file: &H5File, length: Length) -> Result<Groups> {
    let names = read_texts(file, "slide-name")?;
    let codes = read_integers(file, "slide", length)?;
    let wrong = codes.iter().position(|&code| usize::try_from(code).map_or(true, |code| code >= names.len()));
    if let Some(row) = wrong {
        anyhow::bail!(
            "{}: dataset `slide`, row {row}: no slide {} among {} slide names",
            file.source(),
            codes[row],
            names.len()
        );
    }
    Ok(Groups { names, codes: codes.iter().map(|&code| code as i32).collect() })
}

fn as_rows(positions: &[usize]) -> Vec<u64> {
    positions.iter().map(|&position| position as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixtures::{Files, PATCH_BYTES, patch};

    fn pair(images: &Source, labels: &Source) -> PatchSource {
        PatchSource::Pair { images: images.clone(), labels: labels.clone() }
    }

    #[test]
    fn a_source_pair_is_read_by_position() {
        let files = Files::new();
        let labels = files.labels("y.h5", &[0, 1, 0, 1, 0]);
        let set = PatchSet::open(&pair(&files.patches("x.h5", 5, |plain| plain), &labels)).unwrap();
        assert_eq!((set.len(), set.labels(), set.rows()), (5, &[0, 1, 0, 1, 0][..], &[0, 1, 2, 3, 4][..]));
        assert!(set.slides().is_none() && !set.has_masks());
        let mut out = vec![0; 2 * PATCH_BYTES];
        set.read(&[4, 1], &mut out).unwrap();
        assert!(out == [patch(4), patch(1)].concat());
        let error = set.read_masks(&[0], &mut []).unwrap_err().to_string();
        assert!(error.ends_with("has no dataset `mask`"), "{error}");
    }

    #[test]
    fn packed_patches_are_the_same_in_every_order() {
        let files = Files::new();
        let expected: Vec<Vec<u8>> = (0..23).map(patch).collect();
        let labels = files.labels("y.h5", &[0; 23]);
        for deep in [1, 4, 23] {
            let images = files.patches("x.h5", 23, |plain| plain.chunk((deep, 96, 50, 3)).deflate(1));
            let set = PatchSet::open(&pair(&images, &labels)).unwrap();
            let batches: [&[usize]; 7] =
                [&[0, 1, 2], &[3, 4, 5, 6, 7, 8], &[2, 3], &[9, 8], &[22], &[5, 5], &[20, 21, 22]];
            for batch in batches {
                let mut out = vec![0; batch.len() * PATCH_BYTES];
                set.read(batch, &mut out).unwrap();
                for (bytes, &position) in out.chunks(PATCH_BYTES).zip(batch) {
                    assert!(bytes == expected[position], "{position} of {batch:?}, chunks of {deep}");
                }
            }
            let error = set.read(&[22, 23], &mut vec![0; 2 * PATCH_BYTES]).unwrap_err().to_string();
            assert!(error.ends_with("has 23 rows, no row 23"), "{error}");
        }
    }

    #[test]
    fn blank_patches_are_counted() {
        let files = Files::new();
        let file = hdf5::File::create(files.path("x.h5")).unwrap();
        let builder = file.new_dataset_builder().chunk((2, 96, 96, 3));
        let dataset = builder.empty::<u8>().shape((8, 96, 96, 3)).create("x").unwrap();
        let mut pixels = crate::data::fixtures::patches(4);
        pixels.slice_mut(ndarray::s![3, .., .., ..]).fill(200);
        dataset.write_slice(pixels.view(), ndarray::s![..4, .., .., ..]).unwrap();
        drop((dataset, file));
        let labels = files.labels("y.h5", &[0; 8]);
        let set = PatchSet::open(&pair(&files.source("x.h5"), &labels)).unwrap();
        let all: Vec<usize> = (0..8).collect();
        assert_eq!((set.blank(&all).unwritten, set.blank(&all).constant), (4, 0), "nothing was read yet");
        set.read(&all, &mut vec![0; 8 * PATCH_BYTES]).unwrap();
        set.read(&[3, 0], &mut vec![0; 2 * PATCH_BYTES]).unwrap();
        assert_eq!((set.blank(&all).unwritten, set.blank(&all).constant), (4, 1));
        assert_eq!(set.blank(&[0, 1, 2]), Blank::default());
        let lines = set.blank(&all).warnings("x.h5", "8 patches");
        assert!(lines[0].ends_with("(first: row 4)") && lines[1].ends_with("(first: row 3)"), "{lines:?}");
    }

    #[test]
    fn there_must_be_as_many_labels_as_patches() {
        let files = Files::new();
        let error =
            PatchSet::open(&pair(&files.patches("x.h5", 3, |plain| plain), &files.labels("y.h5", &[0, 1])));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("x.h5") && error.contains("has 3 patches, y.h5"), "{error}");
        assert!(error.contains("has 2 labels"), "{error}");
    }

    #[test]
    fn a_slide_without_a_name_is_an_error() {
        let files = Files::new();
        let file = hdf5::File::create(files.path("part.h5")).unwrap();
        let add = |name: &str| file.new_dataset_builder().with_data(&[0_u8, 1]).create(name).unwrap();
        add("y");
        file.new_dataset_builder().with_data(&crate::data::fixtures::patches(2)).create("x").unwrap();
        file.new_dataset_builder().with_data(&[0_i32, 1]).create("slide").unwrap();
        let name: hdf5::types::VarLenUnicode = "slide_a".parse().unwrap();
        file.new_dataset_builder().with_data(&[name]).create("slide-name").unwrap();
        file.close().unwrap();
        let error = PatchSet::open(&PatchSource::Part(files.source("part.h5"))).unwrap_err().to_string();
        assert!(error.ends_with("dataset `slide`, row 1: no slide 1 among 1 slide names"), "{error}");
    }
}
