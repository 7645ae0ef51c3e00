//! Procedural patches that look like lymph-node sections in hematoxylin and eosin, with known truth.
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
mod vessel;
mod write;

pub use canvas::SIDE;
pub use place::{CENTRE_END, CENTRE_START};
pub use recipe::{BadRecipe, Dataset, Patch, Recipe};
pub use sheet::{SheetOptions, contact_sheet};
pub use write::{SynthesisReport, synthesize};
