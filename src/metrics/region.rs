//! The part of a patch that contains the evidence: the centre box of PatchCamelyon, or a true mask.

use anyhow::{Result, ensure};

use crate::side::Side;

/// Some of an image's pixels, row-major; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    inside: Vec<bool>,
    pixels: usize,
}

impl Region {
    /// The centre of a patch, `length` pixels wide: of PatchCamelyon 32x32, that is 1,024 of 9,216 pixels. A patch is
    /// positive if and only if its centre contains a tumour pixel; the rest of the patch may contain some in any case
    /// (weak truth).
    #[must_use]
    pub fn centre(side: Side, length: usize) -> Self {
        let (side, length) = (side.get(), length.min(side.get()));
        let margin = (side - length) / 2;
        let within = |at: usize| (margin..margin + length).contains(&at);
        let inside = (0..side * side).map(|pixel| within(pixel / side) && within(pixel % side)).collect();
        Self { inside, pixels: length * length }
    }

    /// The pixels where a mask is not 0.
    ///
    /// # Errors
    /// The mask is 0 everywhere.
    pub fn from_mask(mask: &[u8]) -> Result<Self> {
        let inside: Vec<bool> = mask.iter().map(|&value| value != 0).collect();
        let pixels = inside.iter().filter(|&&inside| inside).count();
        ensure!(pixels > 0, "the region has no pixel, so nothing can be found in it");
        Ok(Self { inside, pixels })
    }

    /// Whether a pixel is inside; pixels outside the image are not.
    #[must_use]
    pub fn contains(&self, pixel: usize) -> bool {
        self.inside.get(pixel).copied().unwrap_or(false)
    }

    /// The number of pixels inside.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// The number of pixels of the image.
    #[must_use]
    pub fn image_pixels(&self) -> usize {
        self.inside.len()
    }

    /// The share of the image that is inside, which is the result of a random map.
    #[must_use]
    pub fn chance(&self) -> f64 {
        self.pixels as f64 / self.inside.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_is_a_ninth_from_32_to_63() {
        let centre = Region::centre(Side::PCAM, 32);
        assert_eq!(centre.chance(), 1.0 / 9.0);
        assert_eq!((0..9216).filter(|&pixel| centre.contains(pixel)).count(), centre.pixels());
        assert!(centre.contains(32 * 96 + 32) && centre.contains(63 * 96 + 63));
        assert!(!centre.contains(31 * 96 + 40) && !centre.contains(40 * 96 + 64) && !centre.contains(99_999));
    }

    #[test]
    fn an_empty_mask_is_no_region() {
        assert!(Region::from_mask(&[0, 0]).unwrap_err().to_string().starts_with("the region has no pixel"));
        assert_eq!(Region::from_mask(&[0, 255]).unwrap().chance(), 0.5);
    }
}
