//! Colours, and the palette of all pictures.

/// A colour with its opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Color {
    /// Red, green and blue (sRGB).
    pub(super) rgb: [u8; 3],
    /// From 0 (invisible) to 1.
    pub(super) alpha: f64,
}

impl Color {
    /// An opaque colour.
    pub(super) const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self { rgb: [red, green, blue], alpha: 1.0 }
    }

    /// Relative luminance, 0 (black) to 1 (white), as WCAG defines it.
    pub(super) fn luminance(self) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.rgb.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The colour of text on this colour: black or white, whichever is easier to read.
    pub(super) fn readable(self) -> Self {
        // WCAG's two contrasts are equal at 0.18, but on saturated mid tones white reads better.
        if self.luminance() > 0.3 { INK } else { WHITE }
    }
}

impl From<colorous::Color> for Color {
    fn from(colorous::Color { r, g, b }: colorous::Color) -> Self {
        Self::rgb(r, g, b)
    }
}

/// Text and axes.
pub(super) const INK: Color = Color::rgb(0x1f, 0x24, 0x30);
/// Text that matters less.
pub(super) const MUTED: Color = Color::rgb(0x5f, 0x68, 0x76);
/// Axes.
pub(super) const AXIS: Color = Color::rgb(0x8a, 0x93, 0xa1);
/// Lines of the grid.
pub(super) const GRID: Color = Color::rgb(0xe4, 0xe7, 0xec);
/// The background.
pub(super) const WHITE: Color = Color::rgb(0xff, 0xff, 0xff);
/// The first series (Okabe & Ito's blue, for colour-blind readers).
pub(super) const BLUE: Color = Color::rgb(0x00, 0x72, 0xb2);
/// The second series (Okabe & Ito's vermilion).
pub(super) const VERMILION: Color = Color::rgb(0xd5, 0x5e, 0x00);
/// The colours of any number of series: Okabe & Ito's, in the order in which they differ most on white
/// (their yellow is too pale for lines).
pub(super) const SERIES: [Color; 7] = [
    BLUE,
    VERMILION,
    Color::rgb(0x00, 0x9e, 0x73),
    Color::rgb(0xcc, 0x79, 0xa7),
    Color::rgb(0xe6, 0x9f, 0x00),
    Color::rgb(0x56, 0xb4, 0xe9),
    INK,
];
/// Label 0.
pub(super) const GREEN: Color = Color::rgb(0x1a, 0x9e, 0x4b);
/// Label 1.
pub(super) const RED: Color = Color::rgb(0xd6, 0x27, 0x28);
/// Outlines of masks. Tissue is pink, violet and white, never cyan.
pub(super) const TRUTH: Color = Color::rgb(0x00, 0xe5, 0xff);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_contrasts_with_its_background() {
        assert_eq!(WHITE.readable(), INK);
        assert_eq!(BLUE.readable(), WHITE);
        assert_eq!(Color::rgb(0xff, 0xff, 0).readable(), INK);
    }
}
