//! Writes a part of a split: the HDF5 file that training and evaluation read.
//!
//! `x` [N, S, S, 3] uint8 with S the side of the patches, `y` `[N]` uint8, `row` `[N]` int64 (the row in the source
//! file). If the source has them, `slide` `[N]` int32, an index into the texts `slide-name`, and `mask` [N, S, S] uint8.
//! All contiguous. Patches may come in any order.

use std::path::Path;

use anyhow::Result;

use super::{
    arrays::{Array, ArrayFile, Element, Notes},
    meta::Groups,
};
use crate::side::Side;

/// The columns of a part that are written before its pixels.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Rows and columns of each patch.
    pub side: Side,
    /// For each patch, 0 or 1.
    pub labels: &'a [u8],
    /// For each patch, its row in the source file.
    pub rows: &'a [i64],
    /// For each patch, its slide, if known.
    pub slides: Option<&'a Groups>,
    /// Whether masks will be written.
    pub masks: bool,
}

/// A part of a split that is being written.
#[derive(Debug)]
pub struct PatchWriter(ArrayFile);

impl PatchWriter {
    /// Creates the file and writes all but pixels and masks.
    ///
    /// # Errors
    /// A path that cannot be written, a full disk.
    pub fn create(path: &Path, columns: &Columns<'_>) -> Result<Self> {
        let (count, side) = (columns.labels.len(), columns.side.get());
        let mut arrays =
            vec![Array::new("y", Element::U8, [count]), Array::new("row", Element::I64, [count])];
        let mut notes = Notes::default();
        if let Some(slides) = columns.slides {
            arrays.push(Array::new("slide", Element::I32, [count]));
            notes.texts.push(("slide-name".to_owned(), slides.names.clone()));
        }
        if columns.masks {
            arrays.push(Array::new("mask", Element::U8, [count, side, side]));
        }
        arrays.push(Array::new("x", Element::U8, [count, side, side, 3]));
        let mut file = ArrayFile::create(path, arrays, &notes)?;
        file.write("y", 0, columns.labels)?;
        file.write("row", 0, columns.rows)?;
        if let Some(slides) = columns.slides {
            file.write("slide", 0, &slides.codes)?;
        }
        Ok(Self(file))
    }

    /// Writes consecutive patches, starting at `first`.
    ///
    /// # Errors
    /// A full disk; patches that the part does not have.
    pub fn write_patches(&mut self, first: usize, pixels: &[u8]) -> Result<()> {
        self.0.write_bytes("x", first, pixels)
    }

    /// Writes the masks of consecutive patches, starting at `first`.
    ///
    /// # Errors
    /// As `write_patches`.
    pub fn write_masks(&mut self, first: usize, masks: &[u8]) -> Result<()> {
        self.0.write_bytes("mask", first, masks)
    }

    /// Checks that the file is complete.
    ///
    /// # Errors
    /// Patches or masks that were never written.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}
