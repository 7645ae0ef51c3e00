//! Small charts that the page draws itself, as SVG in the colours of the page.

use maud::{Markup, html};

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 40.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 8.0;

fn x(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - 8.0)
}

fn y(share: f64) -> f64 {
    TOP + (1.0 - share) * (HEIGHT - TOP - BOTTOM)
}

/// Axes from 0 to 1 with their names, and what is drawn on them.
fn framed(title: &str, names: [&str; 2], top: &str, content: &Markup) -> Markup {
    html! {
        figure.picture {
            svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
                path.axis d=(format!("M{} {} V{} H{}", x(0.0), y(1.0), y(0.0), x(1.0))) {}
                text x=(x(0.0)) y=(y(0.0) + 13.0) text-anchor="middle" { "0" }
                text x=(x(1.0)) y=(y(0.0) + 13.0) text-anchor="end" { "1" }
                text x=(x(0.5)) y=(y(0.0) + 25.0) text-anchor="middle" { (names[0]) }
                text x=(x(0.0) - 4.0) y=(y(1.0) + 8.0) text-anchor="end" { (top) }
                text x=(x(0.0) - 4.0) y=(y(0.0)) text-anchor="end" { "0" }
                text transform=(format!("translate(10 {}) rotate(-90)", y(0.5))) text-anchor="middle" { (names[1]) }
                (content)
            }
            figcaption { (title) }
        }
    }
}

/// Two histograms over 0 to 1, of classes 0 and 1.
pub(super) fn histogram(title: &str, name: &str, counts: &[[u64; 2]]) -> Markup {
    let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
    let step = 1.0 / counts.len().max(1) as f64;
    let bars = html! {
        @for (at, pair) in counts.iter().enumerate() {
            @for (class, count) in pair.iter().enumerate() {
                @let left = x((at as f64 + class as f64 * 0.5) * step);
                @let top = y(*count as f64 / most as f64);
                rect class=(["class-0", "class-1"][class]) x=(format!("{left:.1}")) y=(format!("{top:.1}"))
                    width=(format!("{:.1}", (x(step * 0.5) - x(0.0) - 0.5).max(0.5))) height=(format!("{:.1}", y(0.0) - top)) {
                    title { (count) }
                }
            }
        }
    };
    framed(title, [name, "patches"], &most.to_string(), &bars)
}

/// A calibration diagram: the observed share over the mean predicted probability, one disc for each bin.
pub(super) fn calibration(title: &str, bins: &[(f64, f64, u64)]) -> Markup {
    let most = bins.iter().map(|(.., count)| *count).max().unwrap_or(1).max(1) as f64;
    let content = html! {
        path.diagonal d=(format!("M{} {} L{} {}", x(0.0), y(0.0), x(1.0), y(1.0))) {}
        @for (predicted, observed, count) in bins {
            circle cx=(format!("{:.1}", x(*predicted))) cy=(format!("{:.1}", y(*observed)))
                r=(format!("{:.1}", 2.5 + 5.0 * (*count as f64 / most).sqrt())) {
                title { (count) " patches: predicted " (format!("{predicted:.3}")) ", observed " (format!("{observed:.3}")) }
            }
        }
    };
    framed(title, ["predicted probability", "observed share"], "1", &content)
}

/// Lines over 0 to 1, drawn without axes' numbers: curves of one patch.
pub(super) fn lines(title: &str, name: &str, lines: &[(String, &[f64])]) -> Markup {
    let content = html! {
        @for (at, (label, values)) in lines.iter().enumerate() {
            polyline class={ "line-" (at % 7) } points=(points(values)) { title { (label) } }
        }
    };
    html! {
        (framed(title, ["share of pixels", name], "1", &content))
        ul.legend { @for (at, (label, _)) in lines.iter().enumerate() { li class={ "line-" (at % 7) } { (label) } } }
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
}
