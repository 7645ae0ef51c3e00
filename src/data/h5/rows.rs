//! Rows of bytes in one dataset: patches, masks. Can be shared between threads.

use std::{fs::File, ops::Range};

use anyhow::{Context as _, Result, bail, ensure};
use hdf5::types::{IntSize, TypeDescriptor};

use super::{
    blocks::Blocks,
    flat::Flat,
    open::{H5File, Length, describe, kind},
};
use crate::{data::Source, side::Side};

/// What a row is. S is the side of all patches of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowShape {
    /// A patch: [S, S, 3], red, green and blue.
    Patch,
    /// A mask: [S, S] or [S, S, 1]. Tumour is not 0.
    Mask,
}

impl RowShape {
    /// Bytes of a row.
    fn bytes(self, side: Side) -> usize {
        match self {
            Self::Patch => side.bytes(),
            Self::Mask => side.pixels(),
        }
    }

    /// The side of a row with these dimensions, if it can be such a row.
    fn side(self, row: &[usize]) -> Option<Side> {
        match (self, row) {
            (Self::Patch, [rows, columns, 3]) | (Self::Mask, [rows, columns] | [rows, columns, 1]) => {
                Side::new(*rows).filter(|_| rows == columns)
            }
            (Self::Patch | Self::Mask, _) => None,
        }
    }

    /// Whether the values of this type are bytes of such a row.
    fn holds(self, kind: &TypeDescriptor) -> bool {
        match self {
            Self::Patch => *kind == TypeDescriptor::Unsigned(IntSize::U1),
            Self::Mask => {
                matches!(kind, TypeDescriptor::Unsigned(IntSize::U1) | TypeDescriptor::Boolean)
            }
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Patch => {
                "uint8 [N, S, S, 3], S from 32 to 512: square patches, red, green and blue as bytes from 0 to 255"
            }
            Self::Mask => "uint8 [N, S, S], S from 32 to 512: one byte per pixel, not 0 where tumour is",
        }
    }
}

/// The rows of one dataset of bytes.
#[derive(Debug)]
pub struct Rows {
    source: Source,
    dataset: String,
    shape: RowShape,
    side: Side,
    len: usize,
    layout: Layout,
}

#[derive(Debug)]
enum Layout {
    Flat(Flat),
    Blocks(Blocks),
}

impl Rows {
    /// Opens the rows of a dataset.
    ///
    /// # Errors
    /// A dataset that is missing, was never written, is truncated, or has another type, shape or number of rows.
    fn open(file: &H5File, name: &str, shape: RowShape, length: Length) -> Result<Self> {
        let source = file.source().clone();
        let dataset = file.dataset(name)?;
        let dims = dataset.shape();
        let side = dims.split_first().and_then(|(_, row)| shape.side(row));
        let side = side.filter(|_| kind(&dataset).is_some_and(|kind| shape.holds(&kind)));
        let wrong =
            || format!("{source}: dataset `{name}` is {}, expected {}", describe(&dataset), shape.expected());
        let side = side.with_context(wrong)?;
        let len = dims[0];
        ensure!(len > 0, "{source}: dataset `{name}` has no rows");
        length.check(len, &source, name)?;
        let layout = match Flat::find(file, &dataset, name, shape.bytes(side))? {
            Some(flat) => Layout::Flat(flat),
            None => Layout::Blocks(Blocks::new(file, dataset, name)?),
        };
        Ok(Self { source, dataset: name.to_owned(), shape, side, len, layout })
    }

    /// Opens the patches of a file: dataset `x`.
    ///
    /// # Errors
    /// As `open`.
    pub fn patches(file: &H5File) -> Result<Self> {
        Self::open(file, "x", RowShape::Patch, Length::Any)
    }

    /// Opens the ground-truth masks of a file: dataset `mask`.
    ///
    /// # Errors
    /// As `open`.
    pub fn masks(file: &H5File, length: Length) -> Result<Self> {
        Self::open(file, "mask", RowShape::Mask, length)
    }

    /// Checks that these are the masks of patches of this side.
    ///
    /// # Errors
    /// They have another side.
    pub fn of_side(self, patches: Side) -> Result<Self> {
        let (source, side) = (&self.source, self.side);
        ensure!(side == patches, "{source}: the masks have {side} pixels, but the patches have {patches}");
        Ok(self)
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The number of rows, at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a dataset without rows does not open
    pub fn len(&self) -> usize {
        self.len
    }

    /// Rows and columns of each patch or mask.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Bytes of a row.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.shape.bytes(self.side)
    }

    /// How many rows have to be unpacked together: 1 if each can be read alone, else the rows of a chunk.
    #[must_use]
    pub fn rows_per_block(&self) -> usize {
        match &self.layout {
            Layout::Flat(_) => 1,
            Layout::Blocks(blocks) => blocks.rows_per_block(),
        }
    }

    /// Whether rows have to be unpacked: they are in chunks, or only the HDF5 library can read them.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        matches!(self.layout, Layout::Blocks(_))
    }

    /// Whether a row or a part of it was never written. It reads as the fill value of the file.
    #[must_use]
    pub fn is_unwritten(&self, row: u64) -> bool {
        match &self.layout {
            Layout::Flat(_) => false,
            Layout::Blocks(blocks) => blocks.is_unwritten(row),
        }
    }

    /// The same rows in a file that holds nothing else.
    #[must_use]
    pub fn unpacked(&self, file: File) -> Self {
        let flat = Flat::unpacked(file, &self.source, &self.dataset, self.row_bytes());
        let Self { source, dataset, shape, side, len, .. } = self;
        let (source, dataset) = (source.clone(), dataset.clone());
        Self { source, dataset, shape: *shape, side: *side, len: *len, layout: Layout::Flat(flat) }
    }

    /// Reads rows into `out`, in any order, with repetitions. A call unpacks every chunk once, so it is faster to
    /// read many rows at a time.
    ///
    /// # Errors
    /// A row that the dataset does not have, a damaged chunk, a truncated file. Names the rows.
    ///
    /// # Panics
    /// If `out` has not the length of all rows.
    pub fn read(&self, rows: &[u64], out: &mut [u8]) -> Result<()> {
        assert_eq!(out.len(), rows.len() * self.row_bytes(), "`out` holds exactly the rows");
        if let Some(row) = rows.iter().find(|&&row| row >= self.len as u64) {
            bail!("{}: dataset `{}` has {} rows, no row {row}", self.source, self.dataset, self.len);
        }
        match &self.layout {
            Layout::Flat(flat) => flat.read(rows, out),
            Layout::Blocks(blocks) => blocks.read(rows, out),
        }
    }

    /// Divides ascending rows into windows of at most `budget` bytes. No chunk is in two windows, unless it alone is
    /// larger.
    #[must_use]
    pub fn windows(&self, rows: &[u64], budget: usize) -> Vec<Range<usize>> {
        let most = (budget / self.row_bytes()).max(1);
        let per_block = self.rows_per_block() as u64;
        let mut windows: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        while start < rows.len() {
            let mut end = rows.len().min(start + most);
            if end < rows.len() && rows[end - 1] / per_block == rows[end] / per_block {
                let block = rows[end] / per_block * per_block;
                let cut = start + rows[start..end].partition_point(|&row| row < block);
                end = if cut > start { cut } else { end };
            }
            windows.push(start..end);
            start = end;
        }
        windows
    }
}

#[cfg(test)]
mod tests;
