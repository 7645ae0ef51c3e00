//! Makes synthetic patches of lymph nodes in hematoxylin and eosin, for pipelines without data and for
//! explanations to be compared with the known tumour. Does not know stages or tensors.
//!
//! As in PatchCamelyon, a patch has 96x96 pixels of 0.97 um (10x), and is positive if and only if the centre
//! 32x32 contains tumour. `scene` composes the tissue and paints the amounts of both dyes on a `canvas`.
//! `stain` converts dye to colour. `camera` adds the effects of a scanner.
//!
//! Colour and layout must not reveal the label. The label only decides whether the central `place` gets
//! tumour or benign `content`. Outside the centre, both classes have decoys and occasionally tumour.
//!
//! A patch depends only on the recipe and its index, not on threads or the platform.

mod camera;
mod canvas;
mod cell;
mod content;
mod fat;
mod grain;
mod kinds;
mod lymphoid;
mod math;
mod meta;
mod noise;
mod outline;
mod place;
mod random;
mod recipe;
mod scene;
mod stain;
mod stroma;
#[cfg(test)]
mod tests;
mod vessel;
mod write;

pub use recipe::{Patch, Recipe};
pub use write::{SynthesisReport, synthesize};
