//! Pictures and texts for people.
//!
//! Plain numbers in, pictures and texts out. Charts have the axes of plotters. Knows no stages, no files and no tensors, and computes no metric.
//! The typeface is embedded, so the same numbers give the same bytes on every machine.

mod axes;
mod boxed;
mod color;
mod color_bar;
mod colormap;
mod confusion;
mod curves;
mod evaluation;
mod faithfulness;
mod faithfulness_areas;
mod faithfulness_curves;
#[cfg(test)]
mod fixture;
mod font;
mod forest;
#[cfg(test)]
pub(crate) mod gallery;
mod legend;
mod localisation;
mod method;
mod numbers;
mod outline;
mod overlay;
mod panel;
mod panel_header;
mod picture;
mod png;
mod precision_recall;
mod preview;
mod recorder;
mod roc;
mod sanity;
mod sanity_panel;
mod scene;
mod series;
mod smooth;
mod svg;
mod table;
mod ticks;
mod tile;
mod trial;
mod trials;
mod unit_square;

pub use colormap::Sign;
pub use confusion::confusion_matrix;
pub use curves::training_curves;
pub use evaluation::evaluation_report;
pub use faithfulness::faithfulness_report;
pub use faithfulness_areas::faithfulness_areas;
pub use faithfulness_curves::faithfulness_curves;
pub use localisation::localisation_plot;
pub use outline::mask_path;
pub use overlay::{FullColor, Overlay, overlay};
pub use panel::{Item, panel};
pub use panel_header::Sheet;
pub use picture::Picture;
pub use precision_recall::precision_recall_curve;
pub use preview::{Grid, Sample, preview};
pub use roc::roc_curve;
pub use sanity::sanity_curves;
pub use sanity_panel::{RandomisedMaps, sanity_panel};
pub use tile::{Tile, map_tile, patch_tile};
pub use trial::{Trial, Trials};
pub use trials::trials;
