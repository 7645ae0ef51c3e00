//! Deletion and insertion side by side: the mean curves of all methods, with their areas below.

use anyhow::{Result, ensure};

use super::{
    Picture,
    axes::{Axis, Plane, Scale, axes},
    color::MUTED,
    font::{self, CAPITALS},
    legend::{ENTRY, SUBTITLE, TITLE},
    numbers::{images, level_in_percent, of_slides},
    scene::{Pen, Rect, Scene, TextStyle},
    series::{pens, shade},
    ticks::ticks,
};
use crate::metrics::faithfulness::{Band, Estimate, Faithfulness, MeanCurves, Protocol, Summary};

const WIDTH: f64 = 940.0;
const PLOT: (f64, f64) = (436.0, 324.0);
const LINE: f64 = 19.0;
/// Where the columns of the table below the plots begin.
const COLUMNS: [f64; 3] = [72.0, 330.0, 620.0];
const MARK: f64 = 30.0;
const HEAD: TextStyle = TextStyle::new(12.0).bold();

/// Draws the mean probability of the explained class while pixels go (left) and come (right), with bands,
/// and a table of the areas that tells which line is whose. Controls are grey and dashed.
///
/// # Errors
/// There is no point to draw; plotters cannot draw the axes.
pub fn faithfulness_curves(faithfulness: &Faithfulness) -> Result<Picture> {
    let Faithfulness { summary, fractions, curves, .. } = faithfulness;
    ensure!(!fractions.is_empty(), "there are no curves to draw: they have no points");
    let pens = pens(curves.iter().map(|it| it.control));
    let top = 96.0 + PLOT.1 + 26.0;
    let mut scene = Scene::new(WIDTH, top + LINE * (curves.len() as f64 + 1.0) + 6.0);
    scene.text("Deletion and insertion", (24.0, 34.0), TITLE);
    scene.text(subtitle(summary, curves), (24.0, 54.0), SUBTITLE);
    let high = highest(curves);
    for (index, side) in [Side::Deletion, Side::Insertion].into_iter().enumerate() {
        let left = 14.0 + 462.0 * index as f64;
        scene.text(side.heading(summary), (left + 56.0, 84.0), HEAD);
        let (x, y) = (side.axis(summary.protocol), probability(high));
        let plane = axes(&mut scene, Rect::new(left, 92.0, PLOT.0, PLOT.1), &x, &y)?;
        draw(&mut scene, &plane, fractions, side, curves, &pens);
    }
    table(&mut scene, top, summary, &pens);
    Ok(Picture(scene))
}

#[derive(Clone, Copy)]
enum Side {
    Deletion,
    Insertion,
}

impl Side {
    fn band(self, curves: &MeanCurves) -> Option<&Band> {
        match self {
            Self::Deletion => curves.deletion.as_ref(),
            Self::Insertion => curves.insertion.as_ref(),
        }
    }

    fn heading(self, summary: &Summary) -> String {
        let (down, up) = (&summary.deletion_baseline, &summary.insertion_baseline);
        match (summary.protocol, self) {
            (Protocol::Ranked, Self::Deletion) => format!("deletion, down to {down}: low is good"),
            (Protocol::Ranked, Self::Insertion) => format!("insertion, up from {up}: high is good"),
            (Protocol::Threshold, Self::Deletion) => format!("deletion, replaced by {down}: low is good"),
            (Protocol::Threshold, Self::Insertion) => format!("insertion, shown on {up}: high is good"),
        }
    }

    fn axis(self, protocol: Protocol) -> Axis {
        let (label, percent) = match (protocol, self) {
            (Protocol::Ranked, Self::Deletion) => ("pixels deleted", true),
            (Protocol::Ranked, Self::Insertion) => ("pixels inserted", true),
            (Protocol::Threshold, Self::Deletion) => {
                ("threshold: what the map has above it is deleted", false)
            }
            (Protocol::Threshold, Self::Insertion) => {
                ("threshold: what the map has above it is shown", false)
            }
        };
        Axis { label, low: 0.0, high: 1.0, ticks: ticks(0.0, 1.0, 5), scale: Scale::Linear, percent }
    }
}

/// From a little below 0, so that a curve along it is seen whole.
fn probability(high: f64) -> Axis {
    let label = "probability of the explained class";
    let high = (1.06 * high).clamp(0.05, 1.02);
    let ticks = ticks(0.0, high, 5);
    Axis { label, low: -0.02 * high, high, ticks, scale: Scale::Linear, percent: false }
}

fn highest(curves: &[MeanCurves]) -> f64 {
    let bands = curves.iter().flat_map(|it| [&it.deletion, &it.insertion]).flatten();
    let of = |band: &Band| {
        let ends = band.interval.iter().flatten().map(|ends| ends.high);
        band.mean.iter().copied().chain(ends).fold(0.0, f64::max)
    };
    bands.map(of).fold(0.0, f64::max)
}

fn subtitle(summary: &Summary, curves: &[MeanCurves]) -> String {
    let units = if summary.slides.is_some() { "slides" } else { "images" };
    let mut bands = curves.iter().flat_map(|it| [&it.deletion, &it.insertion]).flatten();
    let bands = if bands.any(|band| band.interval.is_some()) {
        let level = level_in_percent(summary.bootstrap.level);
        format!("; bands: pointwise {level} % bootstrap interval over {units}")
    } else {
        String::new()
    };
    format!("means over {}{}{bands}", images(summary.images), of_slides(summary.slides))
}

/// Controls first, so that explanations lie over them.
fn draw(
    scene: &mut Scene,
    plane: &Plane<'_>,
    fractions: &[f64],
    side: Side,
    curves: &[MeanCurves],
    pens: &[Pen],
) {
    // All bands together should not hide the grid.
    let opacity = (0.36 / curves.len() as f64).min(0.14);
    let bands = || curves.iter().zip(pens).filter_map(|(it, pen)| Some((it.control, side.band(it)?, *pen)));
    for (_, band, pen) in bands() {
        if let Some(ends) = &band.interval {
            shade(scene, plane, fractions, ends, pen.color, opacity);
        }
    }
    for control in [true, false] {
        for (_, band, pen) in bands().filter(|(is_control, ..)| *is_control == control) {
            let points = fractions.iter().zip(&band.mean);
            scene.line(points.map(|(&x, &y)| plane.at(x, y)).collect(), pen);
        }
    }
}

fn table(scene: &mut Scene, top: f64, summary: &Summary, pens: &[Pen]) {
    let level = level_in_percent(summary.bootstrap.level);
    let interval = if summary.bootstrap.resamples > 0 { format!(" ({level} % CI)") } else { String::new() };
    scene.text("method", (COLUMNS[0] + MARK, top), HEAD);
    scene.text(format!("area under deletion{interval}"), (COLUMNS[1], top), HEAD);
    scene.text(format!("area under insertion{interval}"), (COLUMNS[2], top), HEAD);
    for (index, (method, pen)) in summary.methods.iter().zip(pens).enumerate() {
        let base = top + LINE * (index as f64 + 1.0);
        let middle = base - ENTRY.size * CAPITALS / 2.0;
        scene.line(vec![(COLUMNS[0], middle), (COLUMNS[0] + MARK - 8.0, middle)], *pen);
        let style = if method.control { ENTRY.color(MUTED) } else { ENTRY };
        let room = COLUMNS[1] - COLUMNS[0] - MARK - 12.0;
        let label = font::fitted(&method.label, ENTRY.size, false, room);
        scene.text(label, (COLUMNS[0] + MARK, base), style);
        scene.text(area(&method.deletion, summary.images), (COLUMNS[1], base), style);
        scene.text(area(&method.insertion, summary.images), (COLUMNS[2], base), style);
    }
}

/// `0.123 (0.101 to 0.145)`, and of how many images where it is not of all.
fn area(estimate: &Estimate, all: u64) -> String {
    let Some(mean) = estimate.mean else { return "undefined".to_owned() };
    let interval = estimate.interval.map(|ends| format!(" ({:.3} to {:.3})", ends.low, ends.high));
    let some = (estimate.images < all).then(|| format!(", {}", images(estimate.images)));
    format!("{mean:.3}{}{}", interval.unwrap_or_default(), some.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metrics::faithfulness::{faithfulness, fixture},
        report::gallery::drawn,
    };

    #[test]
    fn draws_few_and_many_methods() {
        for methods in [2, 6, 10] {
            let it = faithfulness(&fixture::comparison(40, methods)).unwrap();
            let picture = faithfulness_curves(&it).unwrap();
            let (size, svg) = drawn(&format!("faithfulness-curves-{methods}"), &picture);
            assert_eq!(size.0, 1880);
            assert!(svg.contains(">random</text>") && svg.contains("over slides"));
            assert_eq!(svg.matches(" to 0.").count(), 2 * methods);
        }
    }

    #[test]
    fn draws_odd_comparisons() {
        let mut one = fixture::comparison(1, 3);
        one.protocol = Protocol::Threshold;
        let mut without = fixture::comparison(7, 3);
        without.settings.bootstrap.resamples = 0;
        let mut holes = fixture::comparison(7, 4);
        holes.methods[0].label = "integrated-gradients-of-the-mean-of-the-training-split".to_owned();
        holes.methods[0].explained[1].curves = None;
        holes.methods[1].explained.iter_mut().for_each(|explained| explained.curves = None);
        for (name, comparison) in [("one", one), ("without-bands", without), ("holes", holes)] {
            let it = faithfulness(&comparison).unwrap();
            let (_, svg) = drawn(&format!("faithfulness-curves-{name}"), &faithfulness_curves(&it).unwrap());
            assert_eq!(svg.contains(">undefined</text>"), name == "holes");
            assert_eq!(svg.contains("bands:"), name == "holes");
        }
    }
}
