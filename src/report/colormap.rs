//! From a value to a colour: perceptual maps, in which equal steps of value look like equal steps.

use super::Color;

/// Which values a map can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// From 0 up: the larger, the more important. Negative values count as 0.
    Positive,
    /// Either sign: for or against the explained class.
    Both,
}

impl Sign {
    /// The colour of a value in units of the map's largest magnitude.
    ///
    /// Positive maps take inferno from 0 (black) to 1 (pale yellow), signed ones a diverging map from
    /// -1 (purple) over 0 (white) to 1 (orange), which red-green blindness does not confuse. Values
    /// beyond the ends take the colour of the end.
    #[must_use]
    pub fn color(self, value: f64) -> Color {
        let colorous::Color { r, g, b } = match self {
            Self::Positive => colorous::INFERNO.eval_continuous(value.clamp(0.0, 1.0)),
            Self::Both => colorous::PURPLE_ORANGE.eval_continuous(0.5 + value.clamp(-1.0, 1.0) / 2.0),
        };
        Color::rgb(r, g, b)
    }

    /// How strongly a value covers the patch below: nothing at 0, so that the tissue stays visible
    /// where there is no evidence.
    #[must_use]
    pub fn opacity(self, value: f64) -> f64 {
        let magnitude = match self {
            Self::Positive => value.clamp(0.0, 1.0),
            Self::Both => value.abs().min(1.0),
        };
        0.9 * magnitude.powf(0.7)
    }

    /// How much a pixel matters.
    pub(super) fn magnitude(self, value: f32) -> f32 {
        match self {
            Self::Positive => value.max(0.0),
            Self::Both => value.abs(),
        }
    }

    /// The smallest value that is shown apart.
    pub(super) fn lowest(self) -> f64 {
        match self {
            Self::Positive => 0.0,
            Self::Both => -1.0,
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
    fn nothing_covers_nothing() {
        assert_eq!(Sign::Positive.opacity(0.0), 0.0);
        assert_eq!(Sign::Positive.opacity(-3.0), 0.0);
        assert_eq!(Sign::Both.opacity(-1.0), Sign::Both.opacity(1.0));
    }
}
