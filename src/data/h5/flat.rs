//! Contiguous datasets: row r is at offset + r * size, so the file itself is read.

use std::{fs::File, os::unix::fs::FileExt};

use anyhow::{Context, Result, ensure};
use hdf5::{Dataset, dataset::Layout};

use super::open::H5File;
use crate::data::Source;

/// Where a contiguous dataset lies.
#[derive(Debug)]
pub(super) struct Flat {
    source: Source,
    dataset: String,
    file: File,
    offset: u64,
    row_bytes: usize,
}

impl Flat {
    /// The place of a dataset of bytes that lie in this file, one row after the other; `None` where
    /// they do not.
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

    /// Rows that lie in a file of their own.
    pub(super) fn unpacked(file: File, source: &Source, name: &str, row_bytes: usize) -> Self {
        Self { source: source.clone(), dataset: name.to_owned(), file, offset: 0, row_bytes }
    }

    /// Reads rows in the order given; neighbours in one go.
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

    /// Has the system read rows ahead: it fetches them from disk side by side.
    pub(super) fn will_read(&self, rows: &[u64]) {
        for run in rows.chunk_by(|a, b| a + 1 == *b) {
            let at = self.offset + run[0] * self.row_bytes as u64;
            let length = std::num::NonZeroU64::new((run.len() * self.row_bytes) as u64);
            // Advice only: where it is not taken, reading is slower and just as right.
            let _ = rustix::fs::fadvise(&self.file, at, length, rustix::fs::Advice::WillNeed);
        }
    }
}

/// `row 7`, or `rows 7 to 9`.
pub(super) fn named(rows: &[u64]) -> String {
    match rows {
        [] => "no rows".to_owned(),
        [row] => format!("row {row}"),
        [first, .., last] => format!("rows {first} to {last}"),
    }
}
