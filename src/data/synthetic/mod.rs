//! Synthetic patches that look like lymph-node sections in hematoxylin and eosin, with known truth.
//!
//! A patch has 96 x 96 pixels of 0.97 um, as in PatchCamelyon. It is positive if and only if the box of
//! 32 x 32 pixels in its centre touches tumour. The label decides only which cells fill a spot in the centre
//! (`scene`): tumour cells, or benign cells of about the same colour. So a model has to look at the cells.
//!
//! Knows no stage and no tensor. The same recipe gives the same bytes on every machine.

mod canvas;
mod cell;
mod dataset;
mod math;
mod recipe;
mod scene;
mod sheet;
mod stain;
#[cfg(test)]
mod tests;
mod tissue;
mod write;

pub use recipe::Recipe;
pub use write::synthesize;
