//! Any dataset of numbers, read as float64: to look at it, not to compute with it.

use std::ops::Range;

use anyhow::Result;
use hdf5::{Dataset, types::TypeDescriptor};

use super::{
    columns::{self, values},
    open::{H5File, kind},
};
use crate::data::Source;

/// A dataset of numbers of whatever format and shape.
#[derive(Debug)]
pub struct Numbers {
    source: Source,
    name: String,
    dataset: Dataset,
}

impl Numbers {
    /// Opens a dataset; `None` where it holds something else than numbers.
    ///
    /// # Errors
    /// A dataset that is missing.
    pub fn open(file: &H5File, name: &str) -> Result<Option<Self>> {
        let dataset = file.find(name)?;
        let numbers = matches!(
            kind(&dataset),
            Some(TypeDescriptor::Float(_) | TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_))
        );
        let source = file.source().clone();
        Ok(numbers.then(|| Self { source, name: name.to_owned(), dataset }))
    }

    /// Its rows; a single number is one.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.dataset.shape().first().copied().unwrap_or(1)
    }

    /// The numbers of some rows, in order; integers beyond 2^53 are rounded.
    ///
    /// # Errors
    /// Rows that the dataset does not have; a damaged or vanished file.
    pub fn read(&self, rows: Range<usize>) -> Result<Vec<f64>> {
        let Self { source, name, dataset } = self;
        match dataset.shape().is_empty() {
            true => values(source, name, dataset),
            false => columns::rows(source, name, dataset, rows),
        }
    }
}
