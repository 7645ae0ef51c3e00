//! The size of square patches.
//!
//! All patches of a data set have the same size; it is read from the data. Knows no files and no tensors.

/// Rows and columns of a patch: 32 to 512 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Side(u16);

impl Side {
    /// The smallest patches.
    pub const LEAST: usize = 32;
    /// The largest patches.
    pub const MOST: usize = 512;
    /// The patches of PatchCamelyon.
    pub const PCAM: Self = Self(96);

    /// That many rows and columns; `None` if patches may not have so many.
    #[must_use]
    pub fn new(pixels: usize) -> Option<Self> {
        let side = u16::try_from(pixels).ok().map(Self);
        side.filter(|_| (Self::LEAST..=Self::MOST).contains(&pixels))
    }

    /// The side of a square of that many pixels.
    #[must_use]
    pub fn of_square(pixels: usize) -> Option<Self> {
        Self::new(pixels.isqrt()).filter(|side| side.pixels() == pixels)
    }

    /// Rows, or columns.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// Pixels of a patch: as many values has a map, and as many bytes a mask.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.get() * self.get()
    }

    /// Bytes of a patch: red, green and blue for each pixel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        3 * self.pixels()
    }
}

impl std::fmt::Display for Side {
    /// `96 x 96`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{0} x {0}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_have_a_range() {
        let pixels = |side: usize| Side::new(side).map(Side::pixels);
        assert_eq!([31, 32, 512, 513, 65_568].map(pixels), [None, Some(1024), Some(262_144), None, None]);
        assert_eq!((Side::PCAM.bytes(), Side::PCAM.to_string()), (27_648, "96 x 96".to_owned()));
    }

    #[test]
    fn a_square_tells_its_side() {
        assert_eq!(Side::of_square(9216), Some(Side::PCAM));
        assert_eq!((Side::of_square(9215), Side::of_square(100)), (None, None));
    }
}
