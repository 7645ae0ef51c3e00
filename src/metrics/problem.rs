//! What can be wrong with numbers that somebody else made.
//!
//! Indices count from 0 in the order in which the values were given; whoever knows rows and files
//! adds them.

/// Values that no metric can be computed from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricsError {
    /// Nothing to compute from.
    #[error("there are no images to evaluate")]
    Empty,
    /// Two lists that should describe the same images.
    #[error("there are {labels} labels but {probabilities} probabilities: each image needs one of both")]
    Lengths {
        /// How many labels.
        labels: usize,
        /// How many probabilities.
        probabilities: usize,
    },
    /// Slides of some images only.
    #[error("the slides of {slides} of {images} images are known: all must be known, or none")]
    Slides {
        /// Of how many images the slide is known.
        slides: usize,
        /// How many images there are.
        images: usize,
    },
    /// A label other than 0 and 1.
    #[error("the label of image {index} is {value}, but labels are 0 or 1")]
    Label {
        /// Which image.
        index: usize,
        /// Its label.
        value: u8,
    },
    /// A probability that is none.
    #[error(
        "the probability of image {index} is {value}, not a number from 0 to 1: does the model give NaN?"
    )]
    Probability {
        /// Which image.
        index: usize,
        /// Its "probability".
        value: f64,
    },
    /// A decision threshold that is no probability.
    #[error("the threshold is {0}, but it must be a number from 0 to 1")]
    Threshold(f64),
    /// Images that cannot tell one threshold from another.
    #[error("all images belong to one class, so that no threshold is better than the extreme ones")]
    OneClass,
    /// A confidence level that is none.
    #[error("the confidence level is {0}, but it must lie between 0 and 1")]
    Level(f64),
    /// A map and a region that differ in size.
    #[error("the map has {map} pixels but the region is drawn on {region}")]
    MapSize {
        /// Pixels of the map.
        map: usize,
        /// Pixels of the region's image.
        region: usize,
    },
    /// Two maps that differ in size.
    #[error("one map has {first} pixels, the other {second}: they cannot be compared")]
    MapSizes {
        /// Pixels of the one.
        first: usize,
        /// Pixels of the other.
        second: usize,
    },
    /// A pixel of a map that is no number.
    #[error("pixel {index} of the map (row-major) is {value}, not a finite number")]
    MapValue {
        /// Which pixel.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A mask without a single pixel.
    #[error("the region holds no pixel, so nothing can be found in it")]
    EmptyRegion,
}
