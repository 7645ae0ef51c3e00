//! What to make: the recipe of a set, and the patch that comes out. Plain data.

use crate::data::draw::Draw;

/// What to make. The same recipe gives the same bytes on every machine, with any number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Number of patches, at least 1.
    pub patches: u32,
    /// Number of slides, at least 1. Each has its own stain.
    pub slides: u32,
    /// Share of patches with tumour in the centre, 0..=1.
    pub positive_share: f64,
    /// Spots of other cells outside the centre, in both classes. Fewer where there is no room.
    pub decoys: u32,
    /// How much the slides differ: 0 not at all, 1 as in practice, at most 3.
    pub stain_variation: f64,
    /// Share of patches of either class with tumour outside the centre, in place of a decoy, 0..=1.
    pub tumor_outside: f64,
    /// Seed of all random draws.
    pub seed: u64,
}

/// What random numbers are for. Each purpose has its own stream: drawing more for one changes nothing in another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Labels and slides of all patches.
    Plan,
    /// The stain of a slide.
    Slide,
    /// A patch, apart from the cells in its centre.
    Scene,
    /// The cells in the centre of a patch.
    Centre,
    /// Thickness of the section and noise of the camera.
    Scan,
}

/// One patch with its truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Patch {
    /// [96, 96, 3]: rows, columns, colours.
    pub(super) rgb: Vec<u8>,
    /// [96, 96]: 1 where a tumour cell is.
    pub(super) mask: Vec<u8>,
    /// 1 if and only if the mask touches the centre box.
    pub(super) label: u8,
    /// The number of its slide, from 0.
    pub(super) slide: u32,
}

impl Recipe {
    /// How many patches are positive.
    #[must_use]
    pub fn positives(&self) -> u32 {
        (f64::from(self.patches) * self.positive_share).round() as u32
    }

    /// The random numbers for one purpose; `index` is the number of the patch or slide.
    pub(super) fn stream(&self, purpose: Purpose, index: u32) -> Draw {
        // 0 is the purpose of `Draw::new`.
        Draw::stream(self.seed, 1 + purpose as u8, index)
    }
}

#[cfg(test)]
impl Default for Recipe {
    fn default() -> Self {
        Self {
            patches: 1200,
            slides: 12,
            positive_share: 0.5,
            decoys: 2,
            stain_variation: 1.0,
            tumor_outside: 0.1,
            seed: 42,
        }
    }
}
