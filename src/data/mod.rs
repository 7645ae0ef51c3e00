//! Reads and writes patches (HDF5 and CSV), splits them, and makes synthetic ones.
//!
//! Knows PatchCamelyon's layout and the project's own artifacts, but no stage, no engine and no tensor. Files are not
//! trusted: every error names the file, the dataset, what was found, what is expected and what to do. Memory stays
//! bounded for files of any size.

pub mod amend;
pub mod arrays;
pub mod blank;
pub mod h5;
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

/// Width and height of a patch in pixels.
pub const PATCH_SIDE: usize = 96;
/// Bytes of a patch: red, green and blue for each pixel.
pub const PATCH_BYTES: usize = PATCH_SIDE * PATCH_SIDE * 3;
/// Bytes of a ground-truth mask: one for each pixel.
pub const MASK_BYTES: usize = PATCH_SIDE * PATCH_SIDE;
