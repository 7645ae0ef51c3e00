//! Small datasets of integers: slide codes, source rows.

use anyhow::{Result, anyhow, ensure};
use hdf5::types::TypeDescriptor;

use super::{
    library::told,
    open::{H5File, Length, describe, kind},
};

/// Reads a dataset of one integer a row (`[N]`, or `[N, 1]`, ...), of any integer type that fits in 64
/// bits with a sign.
///
/// # Errors
/// A dataset that is missing, has another type or shape, or another number of rows than expected.
pub fn read_integers(file: &H5File, name: &str, length: Length) -> Result<Vec<i64>> {
    let source = file.source();
    let dataset = file.whole(name)?;
    let integers = matches!(kind(&dataset), Some(TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_)));
    ensure!(
        integers && one_a_row(&dataset.shape()),
        "{source}: dataset `{name}` is {}, expected one integer a row, [N]",
        describe(&dataset)
    );
    if let Length::Exactly(expected) = length {
        let found = dataset.shape()[0];
        ensure!(found == expected, "{source}: dataset `{name}` has {found} rows, expected {expected}");
    }
    dataset.read_raw().map_err(|error| {
        anyhow!("{source}: dataset `{name}` cannot be read, the file may be damaged: {}", told(&error))
    })
}

/// Whether a shape is `[N]`, or `[N, 1]`, [N, 1, 1], ...
pub(super) fn one_a_row(shape: &[usize]) -> bool {
    matches!(shape.split_first(), Some((_, rest)) if rest.iter().all(|&size| size == 1))
}
