//! Datasets of numbers in rows of any shape. The HDF5 library reads them, a few rows at a time.

use std::ops::Range;

use anyhow::{Result, ensure};
use hdf5::{Dataset, H5Type, types::TypeDescriptor};

use super::{
    columns::{self, values},
    open::{H5File, describe, kind},
};
use crate::data::Source;

/// A dataset of numbers.
#[derive(Debug)]
pub struct Numbers {
    source: Source,
    name: String,
    dataset: Dataset,
}

impl Numbers {
    /// Opens a dataset of any shape; `None` if it does not hold numbers.
    ///
    /// # Errors
    /// A dataset that is missing.
    pub fn open(file: &H5File, name: &str) -> Result<Option<Self>> {
        let dataset = file.find(name)?;
        let numbers = matches!(
            kind(&dataset),
            Some(TypeDescriptor::Float(_) | TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_))
        );
        Ok(numbers.then(|| Self::new(file, name, dataset)))
    }

    /// Opens a dataset of floating-point numbers whose rows have these extents.
    ///
    /// # Errors
    /// A dataset that is missing, was not written completely, has another type or shape, or no rows.
    pub fn floats(file: &H5File, name: &str, row: &[usize]) -> Result<Self> {
        let (source, dataset) = (file.source(), file.whole(name)?);
        let float = matches!(kind(&dataset), Some(TypeDescriptor::Float(_)));
        let extents: Vec<String> = row.iter().map(usize::to_string).collect();
        ensure!(
            float && dataset.shape().get(1..) == Some(row),
            "{source}: dataset `{name}` is {}, expected float32 [N, {}]",
            describe(&dataset),
            extents.join(", ")
        );
        ensure!(dataset.shape()[0] > 0, "{source}: dataset `{name}` has no rows");
        Ok(Self::new(file, name, dataset))
    }

    fn new(file: &H5File, name: &str, dataset: Dataset) -> Self {
        Self { source: file.source().clone(), name: name.to_owned(), dataset }
    }

    /// The number of rows. A single number is one row.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.dataset.shape().first().copied().unwrap_or(1)
    }

    /// Reads some rows, rounded to the type that is asked for.
    ///
    /// # Errors
    /// Rows that the dataset does not have; a damaged or missing file.
    pub fn read<T: H5Type>(&self, rows: Range<usize>) -> Result<Vec<T>> {
        let Self { source, name, dataset } = self;
        match dataset.shape().is_empty() {
            true => values(source, name, dataset),
            false => columns::rows(source, name, dataset, rows),
        }
    }
}
