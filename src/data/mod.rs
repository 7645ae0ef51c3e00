//! Reads and writes patches (HDF5 and CSV), splits them, and makes synthetic ones.
//!
//! Knows PatchCamelyon's layout and the project's own artifacts, but no stage, no engine and no tensor. Files are not
//! trusted: every error names the file, the dataset, what was found, what is expected and what to do. Memory stays
//! bounded for files of any size.

pub mod amend;
pub mod arrays;
pub mod blank;
pub mod h5;
pub mod import;
pub mod maps;
pub mod meta;
pub mod patch_set;
pub mod patches;
pub mod sample;
pub mod split;
pub mod synthetic;

mod draw;
#[cfg(test)]
mod fixtures;
mod packed;
mod source;

pub use source::Source;
