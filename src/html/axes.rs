//! The frame of a small chart: two axes with ticks at round numbers, their names, and lines across at the ticks. Knows
//! nothing of what is drawn.

use maud::{Markup, html};

use crate::ui::format;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 208.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 12.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 10.0;

/// The ticks of an axis from 0 to 1.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// The vertical axis.
pub(super) enum Vertical {
    /// Shares, 0 to 1.
    Shares,
    /// Counts, 0 to a round number.
    Counts {
        /// The distance of ticks.
        step: u64,
        /// The last tick.
        top: u64,
    },
}

impl Vertical {
    /// Counts up to at least `most`, with few ticks at round numbers.
    pub(super) fn counts(most: u64) -> Self {
        let steps = (0..19).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_u64.pow(power)));
        let step = steps.into_iter().find(|step| most.div_ceil(*step) <= 5).unwrap_or(most);
        Self::Counts { step, top: most.div_ceil(step).max(1) * step }
    }

    /// The place of a count, 0 to 1.
    pub(super) fn share(&self, count: u64) -> f64 {
        match self {
            Self::Shares => count as f64,
            Self::Counts { top, .. } => count as f64 / *top as f64,
        }
    }

    /// The places of the ticks with their texts.
    fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Shares => SHARES.map(|share| (share, share.to_string())).into(),
            Self::Counts { step, top } => {
                let ticks = (0..=top / step).map(|at| at * step);
                ticks.map(|tick| (self.share(tick), format::count(tick))).collect()
            }
        }
    }
}

/// Where a share of the width is in the drawing.
pub(super) fn x(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

/// Where a share of the height is in the drawing.
pub(super) fn y(share: f64) -> f64 {
    TOP + (1.0 - share) * (HEIGHT - TOP - BOTTOM)
}

/// A chart: its title, the names of its axes, and what is drawn on them.
pub(super) fn framed(title: &str, names: [&str; 2], vertical: &Vertical, content: &Markup) -> Markup {
    html! {
        figure.picture.small {
            svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
                @for (place, text) in vertical.ticks() {
                    path.grid d=(format!("M{} {:.1} H{}", x(0.0), y(place), x(1.0))) {}
                    text x=(x(0.0) - 5.0) y=(format!("{:.1}", y(place) + 3.0)) text-anchor="end" { (text) }
                }
                @for share in SHARES {
                    path.tick d=(format!("M{} {} v3", x(share), y(0.0))) {}
                    text x=(x(share)) y=(y(0.0) + 13.0) text-anchor="middle" { (share) }
                }
                path.axis d=(format!("M{} {} V{} H{}", x(0.0), y(1.0), y(0.0), x(1.0))) {}
                text x=(x(0.5)) y=(y(0.0) + 28.0) text-anchor="middle" { (names[0]) }
                text transform=(format!("translate(10 {}) rotate(-90)", y(0.5))) text-anchor="middle" { (names[1]) }
                (content)
            }
            figcaption { (title) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(most: u64) -> Vec<String> {
        Vertical::counts(most).ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn counts_have_few_ticks_at_round_numbers_and_room_for_the_largest() {
        assert_eq!(texts(139), ["0", "50", "100", "150"]);
        assert_eq!(texts(3), ["0", "1", "2", "3"]);
        assert_eq!(texts(0), ["0", "1"]);
        assert_eq!(texts(16_384), ["0", "5,000", "10,000", "15,000", "20,000"]);
        for most in [1, 7, 99, 101, 5000, u64::MAX / 4] {
            let (axis, count) = (Vertical::counts(most), texts(most).len());
            assert!((2..=6).contains(&count) && axis.share(most) <= 1.0, "{most}: {count}");
        }
    }

    #[test]
    fn shares_have_ticks_between_their_ends() {
        let svg = framed("t", ["a", "b"], &Vertical::Shares, &html! {}).into_string();
        for tick in ["0", "0.25", "0.5", "0.75", "1"] {
            assert_eq!(svg.matches(&format!(">{tick}<")).count(), 2, "{tick}");
        }
    }
}
