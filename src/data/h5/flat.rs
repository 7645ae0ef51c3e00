//! Contiguous datasets: row r is at offset + r * size, and is read from the file directly.

use std::{fs::File, os::unix::fs::FileExt};

use anyhow::{Context, Result, ensure};
use hdf5::{Dataset, dataset::Layout};

use super::open::H5File;
use crate::data::Source;

/// Where a contiguous dataset is.
#[derive(Debug)]
pub(super) struct Flat {
    source: Source,
    dataset: String,
    file: File,
    offset: u64,
    row_bytes: usize,
}

impl Flat {
    /// Finds a dataset of bytes; `None` if it is not contiguous.
    pub(super) fn find(
        file: &H5File,
        dataset: &Dataset,
        name: &str,
        row_bytes: usize,
    ) -> Result<Option<Self>> {
        let source = file.source();
        let contiguous = dataset.dcpl().and_then(|plist| plist.get_layout()).ok() == Some(Layout::Contiguous);
        let Some(offset) = dataset.offset().filter(|_| contiguous) else {
            return Ok(None);
        };
        let end = offset + dataset.size() as u64;
        let size = source.size()?;
        ensure!(
            end <= size,
            "{source} is truncated: dataset `{name}` ends at byte {end}, the file at byte {size}; \
             fetch or copy it again"
        );
        let file = File::open(&source.path).with_context(|| format!("{source} cannot be read"))?;
        Ok(Some(Self { source: source.clone(), dataset: name.to_owned(), file, offset, row_bytes }))
    }

    /// A file that holds nothing but the rows.
    pub(super) fn unpacked(file: File, source: &Source, name: &str, row_bytes: usize) -> Self {
        Self { source: source.clone(), dataset: name.to_owned(), file, offset: 0, row_bytes }
    }

    /// Reads rows in the given order, consecutive ones at once.
    pub(super) fn read(&self, rows: &[u64], mut out: &mut [u8]) -> Result<()> {
        for run in rows.chunk_by(|a, b| a + 1 == *b) {
            let (now, later) = out.split_at_mut(run.len() * self.row_bytes);
            let at = self.offset + run[0] * self.row_bytes as u64;
            self.file.read_exact_at(now, at).with_context(|| {
                format!("{}: dataset `{}`, {} cannot be read", self.source, self.dataset, named(run))
            })?;
            out = later;
        }
        Ok(())
    }
}

/// `row 7`, or `rows 7 to 9`.
fn named(rows: &[u64]) -> String {
    match rows {
        [] => "no rows".to_owned(),
        [row] => format!("row {row}"),
        [first, .., last] => format!("rows {first} to {last}"),
    }
}
