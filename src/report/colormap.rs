//! From a value to a colour: perceptual maps, in which equal steps of value look equal.

use super::color::Color;

/// The values that a map can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// From 0 up: the larger, the more important. Negative values count as 0.
    Positive,
    /// Either sign: for or against the explained class.
    Both,
    /// Either sign, but only magnitudes are shown, lightly smoothed: for maps whose sign changes from pixel to
    /// pixel, so that neither colour could be seen.
    Magnitude,
}

/// The standard deviation of the smoothing, in pixels of the patch.
pub(super) const SIGMA: f64 = 1.5;

impl Sign {
    /// The colour of a value, as a share of the map's largest magnitude.
    ///
    /// Positive maps have inferno, from 0 (black) to 1 (pale yellow). Signed maps have a diverging map, from
    /// -1 (purple) over 0 (white) to 1 (orange), which readers with red-green blindness can read. Values
    /// beyond the ends have the colour of the end.
    pub(super) fn color(self, value: f64) -> Color {
        match self {
            Self::Positive | Self::Magnitude => colorous::INFERNO.eval_continuous(value.clamp(0.0, 1.0)),
            Self::Both => colorous::PURPLE_ORANGE.eval_continuous(0.5 + value.clamp(-1.0, 1.0) / 2.0),
        }
        .into()
    }

    /// The opacity of a value over the patch: 0 at 0, so that tissue without evidence stays visible.
    pub(super) fn opacity(self, value: f64) -> f64 {
        0.9 * self.magnitude(value).min(1.0).powf(0.7)
    }

    /// How much a pixel matters.
    pub(super) fn magnitude(self, value: f64) -> f64 {
        match self {
            Self::Positive => value.max(0.0),
            Self::Both | Self::Magnitude => value.abs(),
        }
    }

    /// The lower end of the colour map.
    pub(super) fn lowest(self) -> f64 {
        match self {
            Self::Positive | Self::Magnitude => 0.0,
            Self::Both => -1.0,
        }
    }

    /// How maps are changed before they are shown, in words.
    #[must_use]
    pub fn how(self) -> Option<&'static str> {
        match self {
            Self::Positive | Self::Both => None,
            Self::Magnitude => {
                Some("shown: absolute value, smoothed (Gaussian with a standard deviation of 1.5 pixels)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inferno_grows_lighter_all_the_way() {
        let lightness: Vec<f64> =
            (0..=20).map(|step| Sign::Positive.color(f64::from(step) / 20.0).luminance()).collect();
        assert!(lightness.is_sorted());
    }

    #[test]
    fn the_diverging_map_is_palest_at_zero_and_alike_on_both_sides() {
        let luminance = |value| Sign::Both.color(value).luminance();
        assert!(luminance(0.0) > 0.8);
        for value in [0.25, 0.5, 0.75, 1.0] {
            assert!((luminance(value) - luminance(-value)).abs() < 0.2, "{value}");
        }
        let [red, _, blue] = Sign::Both.color(0.8).rgb;
        assert!(red > blue, "positive is orange");
        assert_eq!(Sign::Both.color(7.0), Sign::Both.color(1.0));
    }

    #[test]
    fn the_words_name_the_smoothing() {
        assert!(Sign::Magnitude.how().unwrap().contains(&format!("of {SIGMA} pixels")));
    }

    #[test]
    fn nothing_covers_nothing() {
        assert_eq!(Sign::Positive.opacity(0.0), 0.0);
        assert_eq!(Sign::Positive.opacity(-3.0), 0.0);
        assert_eq!(Sign::Both.opacity(-1.0), Sign::Both.opacity(1.0));
    }
}
