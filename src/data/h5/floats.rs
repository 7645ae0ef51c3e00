//! Datasets of which each row is an array of floating-point numbers: maps.
//!
//! They are read one row at a time, so the HDF5 library reads them, whatever their layout; float64 is rounded to
//! float32.

use anyhow::{Result, ensure};
use hdf5::{Dataset, types::TypeDescriptor};

use super::{
    columns::rows,
    open::{H5File, describe, kind},
};
use crate::data::Source;

/// A dataset of which each row is an array of numbers.
#[derive(Debug)]
pub struct FloatRows {
    source: Source,
    name: String,
    dataset: Dataset,
    len: usize,
}

impl FloatRows {
    /// Opens a dataset whose rows have these extents.
    ///
    /// # Errors
    /// A dataset that is missing, has another type or shape, or no rows.
    pub fn open(file: &H5File, name: &str, row: &[usize]) -> Result<Self> {
        let source = file.source().clone();
        let dataset = file.whole(name)?;
        let shape = dataset.shape();
        let float = matches!(kind(&dataset), Some(TypeDescriptor::Float(_)));
        let fits = float && shape.get(1..) == Some(row);
        ensure!(fits, "{source}: dataset `{name}` is {}, {}", describe(&dataset), expected(row));
        let len = shape[0];
        ensure!(len > 0, "{source}: dataset `{name}` has no rows");
        Ok(Self { source, name: name.to_owned(), dataset, len })
    }

    /// How many rows there are: at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a dataset without rows does not open
    pub fn len(&self) -> usize {
        self.len
    }

    /// Reads one row.
    ///
    /// # Errors
    /// A row that the dataset does not have; a damaged or vanished file.
    pub fn read(&self, row: usize) -> Result<Vec<f32>> {
        let Self { source, name, len, .. } = self;
        ensure!(row < *len, "{source}: dataset `{name}` has {len} rows, no row {row}");
        rows(source, name, &self.dataset, row..row + 1)
    }
}

fn expected(row: &[usize]) -> String {
    let extents: Vec<String> = row.iter().map(usize::to_string).collect();
    format!("expected float32 [N, {}]", extents.join(", "))
}
