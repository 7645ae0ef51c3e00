//! The datasets of an HDF5 file, in words: the library's own types stay behind `data`.

use std::path::Path;

use anyhow::Result;

use crate::data::{Source, h5::H5File};

pub use crate::data::h5::{Attribute, Dataset};

/// Reads names, types, shapes and attributes; no data.
///
/// # Errors
/// A file that cannot be read or is no HDF5 file.
pub(super) fn read(path: &Path, name: &str) -> Result<(Vec<Attribute>, Vec<Dataset>)> {
    H5File::open(&Source::new(path, name))?.contents()
}
