//! Patches in and out: HDF5 and CSV files, and the algorithms that split them.
//!
//! Knows PatchCamelyon's layout and the project's own artifacts; knows no stage, no engine and no
//! tensor. Reading never trusts a file: whatever is wrong with it becomes one error that names the
//! file, the dataset, what was found, what is expected and what to do. Memory stays bounded
//! whatever the size of a file.

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

#[cfg(test)]
mod fixtures;
mod packed;
mod source;

pub use source::Source;

/// Pixels along each side of a patch.
pub const PATCH_SIDE: usize = 96;
/// Bytes of a patch: 96 x 96 pixels of red, green and blue.
pub const PATCH_BYTES: usize = PATCH_SIDE * PATCH_SIDE * 3;
/// Bytes of a ground-truth mask: one a pixel.
pub const MASK_BYTES: usize = PATCH_SIDE * PATCH_SIDE;
