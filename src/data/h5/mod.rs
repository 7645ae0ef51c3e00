//! Reading HDF5: files, datasets and rows of bytes, with errors that say what to do.
//!
//! The HDF5 library holds one lock for everything and is slow for scattered rows. So it is asked
//! once where the bytes lie, and rows are then read from the file itself, by any number of threads:
//! `flat` for contiguous datasets, `blocks` for chunked ones (gzip included). What only the library
//! can read (other filters, other number formats), it reads, one block at a time. A file whose data
//! lies in other files is refused (`elsewhere`).

mod attributes;
mod blocks;
mod chunk_index;
mod columns;
mod contents;
mod elsewhere;
mod flat;
mod floats;
mod geometry;
mod labels;
mod library;
mod numbers;
mod open;
mod rows;
mod texts;
mod threads;

pub use attributes::read_text_attribute;
pub use columns::{read_floats, read_integers};
pub use contents::{Attribute, Dataset};
pub use elsewhere::elsewhere;
pub use floats::FloatRows;
pub use labels::read_labels;
pub use numbers::Numbers;
pub use open::{H5File, Length};
pub use rows::{RowShape, Rows};
pub use texts::read_texts;
pub use threads::unpack_on;

/// The version of the HDF5 library that is built in.
#[must_use]
pub fn version() -> String {
    let version = hdf5::HDF5_VERSION;
    format!("{}.{}.{}", version.major, version.minor, version.micro)
}
