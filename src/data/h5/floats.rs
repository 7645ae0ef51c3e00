//! Datasets of floating-point numbers: logits, maps.
//!
//! They are few or read one at a time, so the HDF5 library reads them, whatever their layout; float64
//! is rounded to float32.

use anyhow::{Result, anyhow, ensure};
use hdf5::{Dataset, Hyperslab, SliceOrIndex, types::TypeDescriptor};
use ndarray::IxDyn;

use super::{
    integers::one_a_row,
    library::told,
    open::{H5File, Length, describe, kind},
};
use crate::data::Source;

/// Reads a dataset of one number a row, `[N]`.
///
/// # Errors
/// A dataset that is missing, has another type or shape, or another number of rows than expected.
pub fn read_floats(file: &H5File, name: &str, length: Length) -> Result<Vec<f32>> {
    let source = file.source();
    let dataset = file.whole(name)?;
    ensure!(
        is_float(&dataset) && one_a_row(&dataset.shape()),
        "{source}: dataset `{name}` is {}, expected one number a row, float32 [N]",
        describe(&dataset)
    );
    if let Length::Exactly(expected) = length {
        let found = dataset.shape()[0];
        ensure!(found == expected, "{source}: dataset `{name}` has {found} rows, expected {expected}");
    }
    dataset.read_raw().map_err(|error| unreadable(source, name, &error))
}

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
        let fits = is_float(&dataset) && shape.get(1..) == Some(row);
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
        let mut slices: Vec<SliceOrIndex> = vec![(row..row + 1).into()];
        slices.extend(self.dataset.shape()[1..].iter().map(|&size| SliceOrIndex::from(0..size)));
        let values = self.dataset.read_slice::<f32, _, IxDyn>(Hyperslab::from(slices));
        let values = values.map_err(|error| unreadable(source, &format!("{name}`, row `{row}"), &error))?;
        Ok(values.into_raw_vec_and_offset().0)
    }
}

fn is_float(dataset: &Dataset) -> bool {
    matches!(kind(dataset), Some(TypeDescriptor::Float(_)))
}

fn expected(row: &[usize]) -> String {
    let extents: Vec<String> = row.iter().map(usize::to_string).collect();
    format!("expected float32 [N, {}]", extents.join(", "))
}

fn unreadable(source: &Source, name: &str, error: &hdf5::Error) -> anyhow::Error {
    anyhow!("{source}: dataset `{name}` cannot be read, the file may be damaged: {}", told(error))
}
