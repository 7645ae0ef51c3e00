//! Do maps depend on what a model has learnt? Model randomisation (Adebayo et al. 2018): the model's
//! layers are initialised anew, cumulatively from the output down, and at every depth its maps are held
//! against the original's. A method whose maps stay the same explains the image, not the model.
//!
//! [`Remade`] compares one map with the original; a [`Randomisation`] of them goes into [`sanity`], which
//! gives [`Sanity`], most of the contents of `sanity.json`, and a line per image and depth.

mod per_image;
mod remade;
mod summary;

pub use per_image::{RemadeScores, per_image};
pub use remade::Remade;
pub use summary::{Sanity, SanityDepth, sanity};

use super::{Bootstrap, Localisation, faithfulness::Truth};

/// What became of maps while a model was forgotten layer by layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Randomisation {
    /// The images, in the order in which everything else lists them.
    pub images: Vec<RandomisedImage>,
    /// The untouched model first, then one layer more at a time.
    pub depths: Vec<Depth>,
    /// Against what the maps of positive images were held.
    pub truth: Truth,
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
    /// The slide that it was cut from, where that is known (of all images or of none).
    pub slide: Option<String>,
    /// What a map that only points at the patch's centre reaches, where maps are located.
    pub centre: Option<Localisation>,
}

/// The maps of a model of which some layers are as if never trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Depth {
    /// The layer that was initialised anew last; `None` of the untouched model.
    pub layer: Option<String>,
    /// Its map of each image, in their order.
    pub maps: Vec<Remade>,
}
