//! Small charts that the page draws itself, as SVG in the colours of the page.

use maud::{Markup, html};

use super::axes::{Vertical, framed, x, y};
use crate::metrics::CalibrationBin;

/// The radii of the smallest and the largest disc.
const RADII: (f64, f64) = (2.0, 7.0);

/// Two histograms over 0 to 1, of classes 0 and 1.
pub(super) fn histogram(title: &str, name: &str, counts: &[[u64; 2]]) -> Markup {
    let vertical = Vertical::counts(counts.iter().flatten().copied().max().unwrap_or(0));
    let step = 1.0 / counts.len().max(1) as f64;
    let bars = html! {
        @for (at, pair) in counts.iter().enumerate() {
            @for (class, count) in pair.iter().enumerate().filter(|(_, count)| **count > 0) {
                @let left = x((at as f64 + class as f64 * 0.5) * step);
                @let top = y(vertical.share(*count));
                rect class=(["class-0", "class-1"][class]) x=(format!("{left:.1}")) y=(format!("{top:.1}"))
                    width=(format!("{:.1}", (x(step * 0.5) - x(0.0) - 0.5).max(0.5))) height=(format!("{:.1}", y(0.0) - top)) {
                    title { (count) }
                }
            }
        }
    };
    framed(title, [name, "patches"], &vertical, &bars)
}

/// A calibration diagram: the observed share over the mean predicted probability, a disc with its interval for each bin.
pub(super) fn calibration(title: &str, bins: &[CalibrationBin]) -> Markup {
    let most = bins.iter().map(|bin| bin.images).max().unwrap_or(1);
    let content = html! {
        path.diagonal d=(format!("M{} {} L{} {}", x(0.0), y(0.0), x(1.0), y(1.0))) {}
        @for bin in bins {
            @if let Some(around) = bin.interval {
                path.interval d=(format!("M{:.1} {:.1} V{:.1}", x(bin.predicted), y(around.low), y(around.high))) {}
            }
        }
        @for bin in bins {
            circle cx=(format!("{:.1}", x(bin.predicted))) cy=(format!("{:.1}", y(bin.observed))) r=(format!("{:.1}", radius(bin.images, most))) {
                title { (bin.images) " patches: predicted " (format!("{:.3}", bin.predicted)) ", observed " (format!("{:.3}", bin.observed)) }
            }
        }
    };
    framed(title, ["predicted probability", "observed share"], &Vertical::Shares, &content)
}

/// A disc of the size that it has in a diagram whose largest bin has `most` patches, for the key.
pub(super) fn disc(images: u64, most: u64) -> Markup {
    // A chart is drawn about this much larger than its own units.
    const SCALE: f64 = 1.35;
    let (radius, largest) = (radius(images, most) * SCALE, RADII.1 * SCALE);
    html! {
        svg.disc width=(2.0 * largest) height=(2.0 * largest) aria-hidden="true" {
            circle cx=(largest) cy=(largest) r=(format!("{radius:.1}")) {}
        }
    }
}

/// Areas are in proportion to counts, down to a disc that can still be seen.
fn radius(images: u64, most: u64) -> f64 {
    (RADII.1 * (images as f64 / most.max(1) as f64).sqrt()).max(RADII.0)
}

/// Lines over 0 to 1: curves of one patch.
pub(super) fn lines(title: &str, name: &str, lines: &[(String, &[f64])]) -> Markup {
    let content = html! {
        @for (at, (label, values)) in lines.iter().enumerate() {
            polyline class={ "line-" (at % 7) } points=(points(values)) { title { (label) } }
        }
    };
    html! {
        div.with-legend {
            (framed(title, ["share of pixels", name], &Vertical::Shares, &content))
            ul.legend { @for (at, (label, _)) in lines.iter().enumerate() { li class={ "line-" (at % 7) } { (label) } } }
        }
    }
}

fn points(values: &[f64]) -> String {
    let last = values.len().saturating_sub(1).max(1) as f64;
    let finite = values.iter().enumerate().filter(|(_, value)| value.is_finite());
    let points =
        finite.map(|(at, value)| format!("{:.1},{:.1}", x(at as f64 / last), y(value.clamp(0.0, 1.0))));
    points.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_escaped() {
        let chart = histogram("<b>&", "p", &[[1, 2]]).into_string();
        assert!(chart.contains("&lt;b&gt;&amp;") && !chart.contains("<b>"));
    }

    #[test]
    fn values_that_are_not_numbers_are_left_out_of_lines() {
        assert_eq!(points(&[0.0, f64::NAN, 1.0]).split(' ').count(), 2);
    }

    #[test]
    fn discs_grow_with_their_counts_and_none_is_too_small() {
        assert_eq!((radius(100, 100), radius(25, 100), radius(1, 1_000_000)), (7.0, 3.5, 2.0));
    }
}
