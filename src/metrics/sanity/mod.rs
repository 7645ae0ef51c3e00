//! Do maps depend on what a model has learnt? Model randomisation (Adebayo et al. 2018): the model's layers
//! are initialised anew, one more at each depth, from the output down, and the maps of each depth are compared
//! with the original ones. A method whose maps stay the same explains the image, not the model.
//!
//! [`Remade`] compares one map with the original. [`sanity`] turns a [`Randomisation`] into [`Sanity`], most of
//! the contents of `sanity.json`; [`per_image`] gives a line for each image and depth.

mod per_image;
mod remade;
mod summary;

pub use per_image::{RemadeScores, per_image};
pub use remade::Remade;
pub use summary::{Sanity, SanityDepth, sanity};

use super::{Bootstrap, Localisation, faithfulness::Truth};

/// The maps of a model while its layers are initialised anew, one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Randomisation {
    /// The images, in the order in which everything else lists them.
    pub images: Vec<RandomisedImage>,
    /// The untouched model first, then one layer more at a time.
    pub depths: Vec<Depth>,
    /// The region that the maps of positive images are compared with, if there is one.
    pub truth: Option<Truth>,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
}

/// One image.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomisedImage {
    /// Its row in the source.
    pub row: i64,
    /// Whether its label is 1.
    pub positive: bool,
    /// Its slide, if known (for all images or for none).
    pub slide: Option<String>,
    /// The localisation of a map that only points at the patch's centre, if maps are located.
    pub centre: Option<Localisation>,
}

/// The maps of a model with some layers initialised anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Depth {
    /// The layer that was initialised anew last; `None` for the untouched model.
    pub layer: Option<String>,
    /// Its map of each image, in their order.
    pub maps: Vec<Remade>,
}
