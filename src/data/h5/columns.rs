//! Datasets of one value per row: slide codes, source rows, logits. And how the library reads values.

use std::ops::Range;

use anyhow::{Result, anyhow, ensure};
use hdf5::{Dataset, H5Type, Hyperslab, SliceOrIndex, types::TypeDescriptor};
use ndarray::IxDyn;

use super::{
    library::reason,
    open::{H5File, Length, describe, kind},
};
use crate::data::Source;

/// Reads a dataset of one integer per row (`[N]`, or `[N, 1]`, ...), of any integer type.
///
/// # Errors
/// A dataset that is missing, was not written completely, or has another type, shape or number of rows.
pub fn read_integers(file: &H5File, name: &str, length: Length) -> Result<Vec<i64>> {
    let integer =
        |kind: &TypeDescriptor| matches!(kind, TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_));
    values(file.source(), name, &column(file, name, length, "one integer per row, [N]", integer)?)
}

/// Reads a dataset of one number per row, `[N]`. float64 is rounded to float32.
///
/// # Errors
/// As `read_integers`.
pub fn read_floats(file: &H5File, name: &str, length: Length) -> Result<Vec<f32>> {
    let float = |kind: &TypeDescriptor| matches!(kind, TypeDescriptor::Float(_));
    values(file.source(), name, &column(file, name, length, "one number per row, float32 [N]", float)?)
}

/// Opens a dataset of one value per row, of a type that `fits`.
pub(super) fn column(
    file: &H5File,
    name: &str,
    length: Length,
    expected: &str,
    fits: impl Fn(&TypeDescriptor) -> bool,
) -> Result<Dataset> {
    let (source, dataset) = (file.source(), file.whole(name)?);
    let shape = dataset.shape();
    let one_per_row = matches!(shape.split_first(), Some((_, rest)) if rest.iter().all(|&size| size == 1));
    ensure!(
        one_per_row && kind(&dataset).is_some_and(|kind| fits(&kind)),
        "{source}: dataset `{name}` is {}, expected {expected}",
        describe(&dataset)
    );
    length.check(shape[0], source, name)?;
    Ok(dataset)
}

/// All values of a dataset.
pub(super) fn values<T: H5Type>(source: &Source, name: &str, dataset: &Dataset) -> Result<Vec<T>> {
    dataset.read_raw().map_err(|error| unreadable(source, name, &error))
}

/// The values of some rows of a dataset.
pub(super) fn rows<T: H5Type>(
    source: &Source,
    name: &str,
    dataset: &Dataset,
    rows: Range<usize>,
) -> Result<Vec<T>> {
    let mut slices: Vec<SliceOrIndex> = vec![rows.into()];
    slices.extend(dataset.shape()[1..].iter().map(|&size| SliceOrIndex::from(0..size)));
    let values = dataset.read_slice::<T, _, IxDyn>(Hyperslab::from(slices));
    Ok(values.map_err(|error| unreadable(source, name, &error))?.into_raw_vec_and_offset().0)
}

fn unreadable(source: &Source, name: &str, error: &hdf5::Error) -> anyhow::Error {
    anyhow!("{source}: dataset `{name}` cannot be read, the file may be damaged: {}", reason(error))
}
