//! Deletion and insertion side by side: the mean curves of all methods by group, with a table of their areas.

use super::{
    Picture,
    axes::{Axis, LABELS, Plane, axes},
    color::MUTED,
    font::{CAPITALS, fitted},
    forest::MARKED,
    legend::{ENTRY, Entry, MARGIN, Mark, SUBTITLE, heading, legend_at_right},
    method::pens,
    numbers::{images, level_in_percent, of_slides, units},
    scene::{Align, Pen, Point, Rect, Scene, TextStyle},
    series::{shade, warned},
};
use crate::metrics::faithfulness::{
    Band, Estimate, Faithfulness, GroupCurves, MeanCurves, Protocol, Summary,
};

const WIDTH: f64 = 1264.0;
/// One plot with its labels.
const PLOT: (f64, f64) = (382.0, 288.0);
const LINE: f64 = 19.0;
/// The columns of the table beside the plots.
const COLUMNS: [f64; 3] = [806.0, 966.0, 1114.0];
const MARK: f64 = 30.0;
const HEAD: TextStyle = TextStyle::new(12.0).bold();
const GROUP: TextStyle = TextStyle::new(14.0).bold();
/// The height of the name of a group and the headings of its plots.
const ABOVE: f64 = 50.0;

/// Draws the mean probability of the explained class while pixels are deleted (left) and inserted (right), with
/// bands. Each group of images has a row, with a table of the areas that is also the legend. Controls are grey
/// and dashed; the score of the baseline alone is a dashed line.
#[must_use]
pub fn faithfulness_curves(faithfulness: &Faithfulness) -> Picture {
    let Faithfulness { summary, fractions, curves, .. } = faithfulness;
    let pens = pens(summary.methods.iter().map(|it| (it.label.as_str(), it.control)));
    let row = ABOVE + PLOT.1.max(LINE * (pens.len() as f64 + 2.0)) + 14.0;
    let mut scene = Scene::new(WIDTH, 0.0);
    heading(&mut scene, "Metrics: deletion and insertion", &subtitle(summary, curves));
    legend_at_right(&mut scene, &[Entry::new(Mark::Line(MARKED), "the baseline alone")]);
    let mut top = 66.0 + warned(&mut scene, &summary.warnings);
    scene.height = (top + row * curves.len() as f64 + 6.0).ceil();
    let y = probability(highest(curves));
    for group in curves {
        let name = format!("{}s: {}", group.group.name(), images(group.images));
        scene.text(name, (MARGIN, top + 20.0), GROUP);
        for (left, side) in [14.0, 24.0 + PLOT.0].into_iter().zip(sides(summary)) {
            side.head(&mut scene, (left + LABELS.0, top + 42.0), group);
            let plane = axes(&mut scene, Rect::new(left, top + ABOVE, PLOT.0, PLOT.1), &side.x, &y);
            draw(&mut scene, &plane, fractions, side.band, &group.methods, &pens);
            if let Some(score) = (side.score)(group) {
                scene.line(vec![plane.at(0.0, score), plane.at(1.0, score)], MARKED);
            }
        }
        table(&mut scene, top + ABOVE + 14.0, summary, group, &pens);
        top += row;
    }
    Picture(scene)
}

/// The plots of deletion, or of insertion.
struct Side<'a> {
    heading: String,
    x: Axis,
    band: fn(&MeanCurves) -> Option<&Band>,
    baseline: &'a str,
    /// The score of the baseline on a group.
    score: fn(&GroupCurves) -> Option<f64>,
}

fn sides(summary: &Summary) -> [Side<'_>; 2] {
    let (down, up) = (summary.deletion_baseline.as_str(), summary.insertion_baseline.as_str());
    let ranked = summary.protocol == Protocol::Ranked;
    let [deletion, insertion] = match summary.protocol {
        Protocol::Ranked => [
            (format!("deletion to {down}: low is good"), "pixels deleted"),
            (format!("insertion from {up}: high is good"), "pixels inserted"),
        ],
        Protocol::Threshold => [
            (
                format!("deletion, replaced by {down}: low is good"),
                "threshold: what the map has above it is deleted",
            ),
            (
                format!("insertion, shown on {up}: high is good"),
                "threshold: what the map has above it is shown",
            ),
        ],
    };
    let axis = |label| Axis { percent: ranked, ..Axis::linear(label, 0.0, 1.0, 5) };
    [
        Side {
            heading: deletion.0,
            x: axis(deletion.1),
            band: |curves| curves.deletion.as_ref(),
            baseline: down,
            score: |of| of.baselines[0],
        },
        Side {
            heading: insertion.0,
            x: axis(insertion.1),
            band: |curves| curves.insertion.as_ref(),
            baseline: up,
            score: |of| of.baselines[1],
        },
    ]
}

impl Side<'_> {
    /// Writes the heading of a plot, and at its right the score of the baseline, which would cover curves in the
    /// plot.
    fn head(&self, scene: &mut Scene, (left, base): Point, of: &GroupCurves) {
        let mut room = PLOT.0 - LABELS.0;
        if let Some(score) = (self.score)(of) {
            let text = format!("{} alone: {score:.3}", self.baseline);
            let style = TextStyle::new(11.0).color(MUTED).align(Align::Right);
            scene.text(&*text, (left + room, base), style);
            room -= style.width(&text) + 10.0;
        }
        scene.text(fitted(&self.heading, HEAD.size, HEAD.bold, room), (left, base), HEAD);
    }
}

/// From a little below 0, so that a curve along it is seen whole.
fn probability(high: f64) -> Axis {
    let high = (1.06 * high).clamp(0.05, 1.02);
    Axis { low: -0.02 * high, ..Axis::linear("probability of the explained class", 0.0, high, 5) }
}

fn bands(curves: &[GroupCurves]) -> impl Iterator<Item = &Band> {
    curves.iter().flat_map(|it| &it.methods).flat_map(|it| [&it.deletion, &it.insertion]).flatten()
}

fn highest(curves: &[GroupCurves]) -> f64 {
    let of = |band: &Band| {
        let ends = band.interval.iter().flatten().map(|ends| ends.high);
        band.mean.iter().copied().chain(ends).fold(0.0, f64::max)
    };
    let baselines = curves.iter().flat_map(|it| it.baselines).flatten();
    bands(curves).map(of).chain(baselines).fold(0.0, f64::max)
}

fn subtitle(summary: &Summary, curves: &[GroupCurves]) -> String {
    let shaded = if bands(curves).any(|band| band.interval.is_some()) {
        let (level, units) = (level_in_percent(summary.bootstrap.level), units(summary.slides));
        format!("; bands: pointwise {level} % bootstrap interval over {units}")
    } else {
        String::new()
    };
    let (all, slides) = (images(summary.images), of_slides(summary.slides));
    format!(
        "{all}{slides}, by what the model made of them (positive above {}); means{shaded}",
        summary.threshold
    )
}

/// Controls first, so that explanations lie over them.
fn draw(
    scene: &mut Scene,
    plane: &Plane<'_>,
    fractions: &[f64],
    band: fn(&MeanCurves) -> Option<&Band>,
    curves: &[MeanCurves],
    pens: &[Pen],
) {
    // All bands together should not hide the grid.
    let opacity = (0.36 / curves.len() as f64).min(0.14);
    let bands = || curves.iter().zip(pens).filter_map(|(it, pen)| Some((it.control, band(it)?, *pen)));
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

fn table(scene: &mut Scene, top: f64, summary: &Summary, of: &GroupCurves, pens: &[Pen]) {
    let level = level_in_percent(summary.bootstrap.level);
    let interval =
        if summary.bootstrap.resamples > 0 { format!("area ({level} % CI)") } else { "area".to_owned() };
    for (column, name) in COLUMNS[1..].iter().zip(["deletion", "insertion"]) {
        scene.text(name, (*column, top), HEAD);
        scene.text(&*interval, (*column, top + 15.0), SUBTITLE);
    }
    for (index, (method, pen)) in summary.methods.iter().zip(pens).enumerate() {
        let base = top + 15.0 + LINE * (index as f64 + 1.0);
        let middle = base - ENTRY.size * CAPITALS / 2.0;
        scene.line(vec![(COLUMNS[0], middle), (COLUMNS[0] + MARK - 8.0, middle)], *pen);
        let style = if method.control { ENTRY.color(MUTED) } else { ENTRY };
        let label = fitted(&method.label, ENTRY.size, false, COLUMNS[1] - COLUMNS[0] - MARK - 8.0);
        scene.text(label, (COLUMNS[0] + MARK, base), style);
        let group = method.groups.iter().filter(|it| it.group == of.group);
        for (column, estimate) in COLUMNS[1..].iter().zip(group.flat_map(|it| [it.deletion, it.insertion])) {
            scene.text(area(&estimate), (*column, base), style);
        }
    }
}

/// An area with its interval: `0.123 (0.101 to 0.145)`.
fn area(estimate: &Estimate) -> String {
    let Some(mean) = estimate.mean else { return "undefined".to_owned() };
    let interval = estimate.interval.map(|ends| format!(" ({:.3} to {:.3})", ends.low, ends.high));
    format!("{mean:.3}{}", interval.unwrap_or_default())
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
            let picture = faithfulness_curves(&it);
            let (size, svg) = drawn(&format!("faithfulness-curves-{methods}"), &picture);
            assert_eq!(size.0, 2528);
            assert!(svg.contains(">random</text>") && svg.contains("over slides"));
            let groups = it.curves.len();
            let areas = it.summary.methods.iter().flat_map(|it| &it.groups);
            let sure = areas.flat_map(|it| [it.deletion, it.insertion]).filter(|it| it.interval.is_some());
            assert_eq!(svg.matches(" to 0.").count(), sure.count());
            assert_eq!(
                (svg.matches(">black alone: 0.").count(), svg.matches(">blur alone: 0.").count()),
                (groups, groups)
            );
            assert!(
                svg.find(">true positives: ") < svg.find(">true negatives: ")
                    && !svg.contains("alone scores")
            );
        }
    }

    #[test]
    fn a_baseline_that_scores_as_the_class_is_a_warning_above_the_curves() {
        let mut comparison = fixture::comparison(40, 4);
        comparison.baselines[0].scores.fill(0.93);
        let it = faithfulness(&comparison).unwrap();
        let (_, svg) = drawn("faithfulness-curves-warned", &faithfulness_curves(&it));
        let place = |text: &str| svg.find(text).unwrap();
        assert!(place("alone scores as the explained class") < place(">true positives: "));
        assert!(svg.contains(">black alone: 0.930</text>"));
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
            let (_, svg) = drawn(&format!("faithfulness-curves-{name}"), &faithfulness_curves(&it));
            assert_eq!(svg.contains(">undefined</text>"), name == "holes");
            assert_eq!(svg.contains("bands:"), name == "holes");
        }
    }
}
