//! Procedural patches that look like lymph-node sections in hematoxylin and eosin, with known truth: so
//! that whoever is new needs no data, and an explanation can be held against what is really there.
//!
//! A patch is 96x96 pixels at 0.97 um (10x), as in PatchCamelyon, and positive if and only if its centre
//! 32x32 holds tumour. It is built from the tissue upwards: `scene` draws what lies where (lymphocytes and
//! matrix of `lymphoid`, `stroma`, `fat`, `vessel`) and lays the amounts of both dyes on a `canvas`; `stain`
//! turns dye into colour by Beer-Lambert's law, differently for each slide; `camera` scans it.
//!
//! What keeps the task honest: the label decides nothing but what fills the central place (`place`,
//! `content`), a nest of tumour cells or something benign. Places outside the centre hold decoys in both
//! classes alike, and now and then tumour. So neither colour nor layout tells the classes apart.
//!
//! Knows no stage and no tensor. Deterministic: a patch depends on its seed and index, and on arithmetic
//! that IEEE 754 fixes, not on threads or platforms.

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
mod sheet;
mod stain;
mod stroma;
#[cfg(test)]
mod tests;
mod vessel;
mod write;

pub use canvas::SIDE;
pub use place::{CENTRE_END, CENTRE_START};
pub use recipe::{BadRecipe, Dataset, Patch, Recipe};
pub use sheet::{SheetOptions, contact_sheet};
pub use write::{SynthesisReport, synthesize};
