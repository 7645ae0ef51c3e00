//! Reads HDF5: files, datasets and rows of bytes, with errors that say what to do.
//!
//! The HDF5 library has one global lock and is slow for scattered rows. So it is only asked where the bytes are.
//! Rows are then read from the file in parallel: `flat` for contiguous datasets, `blocks` for chunks. The library
//! reads what only it can read. A file with data in other files is refused (`elsewhere`).

mod blocks;
mod chunk_index;
mod columns;
mod contents;
mod elsewhere;
mod flat;
mod geometry;
mod labels;
mod library;
mod numbers;
mod open;
mod rows;
mod texts;
mod threads;

pub use columns::{read_floats, read_integers};
pub use contents::{Attribute, Dataset};
pub use elsewhere::elsewhere;
pub use labels::read_labels;
pub use numbers::Numbers;
pub use open::{H5File, Length};
pub use rows::Rows;
pub use texts::{read_text_attribute, read_texts};
pub use threads::unpack_on;

/// The version of the HDF5 library.
#[must_use]
pub fn version() -> String {
    let version = hdf5::HDF5_VERSION;
    format!("{}.{}.{}", version.major, version.minor, version.micro)
}
