//! Any dataset of numbers, read as float64: to look at it, not to compute with it.

use std::ops::Range;

use anyhow::{Result, anyhow};
use hdf5::{Dataset, Hyperslab, SliceOrIndex, types::TypeDescriptor};
use ndarray::IxDyn;

use super::{
    library::told,
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
        let shape = self.dataset.shape();
        let read = if shape.is_empty() {
            self.dataset.read_raw::<f64>()
        } else {
            let mut slices: Vec<SliceOrIndex> = vec![rows.into()];
            slices.extend(shape[1..].iter().map(|&size| SliceOrIndex::from(0..size)));
            let values = self.dataset.read_slice::<f64, _, IxDyn>(Hyperslab::from(slices));
            values.map(|values| values.into_raw_vec_and_offset().0)
        };
        read.map_err(|error| {
            let Self { source, name, .. } = self;
            anyhow!("{source}: dataset `{name}` cannot be read, the file may be damaged: {}", told(&error))
        })
    }
}
