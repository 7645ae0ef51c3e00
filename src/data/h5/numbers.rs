//! Datasets of numbers in rows of any shape. The HDF5 library reads them, a few rows at a time.

use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use hdf5::{Dataset, H5Type, types::TypeDescriptor};

use super::{
    columns::{self, values},
    open::{H5File, describe, kind},
};
use crate::{data::Source, side::Side};

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

    /// Opens a dataset of square maps of floating-point numbers, and tells their side.
    ///
    /// # Errors
    /// A dataset that is missing, was not written completely, has another type or shape, or no rows.
    pub fn maps(file: &H5File, name: &str) -> Result<(Self, Side)> {
        let (source, dataset) = (file.source(), file.whole(name)?);
        let float = matches!(kind(&dataset), Some(TypeDescriptor::Float(_)));
        let side = match dataset.shape()[..] {
            [_, rows, columns] if float && rows == columns => Side::new(rows),
            _ => None,
        };
        let expected = || {
            let found = describe(&dataset);
            format!("{source}: dataset `{name}` is {found}, expected float32 [N, S, S], S from 32 to 512")
        };
        let side = side.with_context(expected)?;
        ensure!(dataset.shape()[0] > 0, "{source}: dataset `{name}` has no rows");
        Ok((Self::new(file, name, dataset), side))
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
