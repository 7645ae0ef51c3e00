//! Deletion and insertion side by side: the mean curves of all methods by group, with their areas beside them.

use anyhow::{Result, ensure};

use super::{
    Picture,
    axes::{Axis, Plane, Scale, axes},
    color::MUTED,
    font::{self, CAPITALS},
    forest::MARKED,
    legend::{ENTRY, Entry, Mark, SUBTITLE, TITLE, legend},
    numbers::{images, level_in_percent, of_slides},
    scene::{Align, Pen, Rect, Scene, TextStyle},
    series::{pens, shade, warned},
    ticks::ticks,
};
use crate::metrics::faithfulness::{
    Band, Estimate, Faithfulness, GroupCurves, MeanCurves, MethodSummary, Protocol, Summary,
};

const WIDTH: f64 = 1264.0;
/// One plot with its labels.
const PLOT: (f64, f64) = (382.0, 288.0);
const LINE: f64 = 19.0;
/// Where the columns of the table beside the plots begin.
const COLUMNS: [f64; 3] = [806.0, 966.0, 1114.0];
const MARK: f64 = 30.0;
const HEAD: TextStyle = TextStyle::new(12.0).bold();
const GROUP: TextStyle = TextStyle::new(14.0).bold();
/// What stands above the plots of a group: its name and the headings of the plots.
const ABOVE: f64 = 50.0;

/// Draws the mean probability of the explained class while pixels go (left) and come (right), with bands: a row
/// for each group of images, with a table of the areas that tells which line is whose. Controls are grey and
/// dashed; the score of the baseline alone is a dashed line across.
///
/// # Errors
/// There is no point to draw; plotters cannot draw the axes.
pub fn faithfulness_curves(faithfulness: &Faithfulness) -> Result<Picture> {
    let Faithfulness { summary, fractions, curves, .. } = faithfulness;
    ensure!(!fractions.is_empty(), "there are no curves to draw: they have no points");
    let pens = pens(summary.methods.iter().map(|it| it.control));
    let row = ABOVE + PLOT.1.max(LINE * (pens.len() as f64 + 2.0)) + 14.0;
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.text("Deletion and insertion", (24.0, 34.0), TITLE);
    scene.text(subtitle(summary, curves), (24.0, 54.0), SUBTITLE);
    let entry = [Entry::new(Mark::Line(MARKED), "the baseline alone")];
    legend(&mut scene, (WIDTH - 24.0 - super::legend::width(&entry), 34.0), &entry);
    let mut top = 66.0 + warned(&mut scene, 74.0, &summary.warnings);
    // Before any axes: they are drawn on what the sheet has.
    scene.height = (top + row * curves.len() as f64 + 6.0).ceil();
    let high = highest(curves);
    for group in curves {
        let name = format!("{}s: {}", group.group.name(), images(group.images));
        scene.text(name, (24.0, top + 20.0), GROUP);
        for (index, side) in [Side::Deletion, Side::Insertion].into_iter().enumerate() {
            let left = 14.0 + (PLOT.0 + 10.0) * index as f64;
            scene.text(side.heading(summary), (left + 56.0, top + 42.0), HEAD);
            let (x, y) = (side.axis(summary.protocol), probability(high));
            let plane = axes(&mut scene, Rect::new(left, top + ABOVE, PLOT.0, PLOT.1), &x, &y)?;
            draw(&mut scene, &plane, fractions, side, &group.methods, &pens);
            side.baseline(&mut scene, &plane, summary, group, high);
        }
        table(&mut scene, top + ABOVE + 14.0, summary, group, &pens);
        top += row;
    }
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

    /// Marks the score of the baseline, on the side where the curves are not.
    fn baseline(self, scene: &mut Scene, plane: &Plane<'_>, summary: &Summary, of: &GroupCurves, high: f64) {
        let (name, score, share, align) = match self {
            Self::Deletion => (&summary.deletion_baseline, of.baselines[0], 0.01, Align::Left),
            Self::Insertion => (&summary.insertion_baseline, of.baselines[1], 0.99, Align::Right),
        };
        let Some(score) = score else { return };
        scene.line(vec![plane.at(0.0, score), plane.at(1.0, score)], MARKED);
        let (x, y) = plane.at(share, score);
        let beside = if score > 0.85 * high { 14.0 } else { -5.0 };
        let style = TextStyle::new(11.0).align(align);
        scene.label(&format!("{name} alone: {score:.3}"), (x, y + beside), style);
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
    let units = if summary.slides.is_some() { "slides" } else { "images" };
    let shaded = if bands(curves).any(|band| band.interval.is_some()) {
        let level = level_in_percent(summary.bootstrap.level);
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
        let label = font::fitted(&method.label, ENTRY.size, false, COLUMNS[1] - COLUMNS[0] - MARK - 8.0);
        scene.text(label, (COLUMNS[0] + MARK, base), style);
        for (column, area) in COLUMNS[1..].iter().zip(areas(method, of)) {
            scene.text(area, (*column, base), style);
        }
    }
}

/// The areas of one method in one group: `0.123 (0.101 to 0.145)`.
fn areas(method: &MethodSummary, of: &GroupCurves) -> [String; 2] {
    let group = method.groups.iter().find(|it| it.group == of.group);
    let area = |estimate: Option<&Estimate>| {
        let mean = estimate.and_then(|it| it.mean).map(|mean| format!("{mean:.3}"));
        let ends = estimate.and_then(|it| it.interval);
        let interval = ends.map(|ends| format!(" ({:.3} to {:.3})", ends.low, ends.high));
        mean.unwrap_or_else(|| "undefined".to_owned()) + &interval.unwrap_or_default()
    };
    [area(group.map(|it| &it.deletion)), area(group.map(|it| &it.insertion))]
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
                    && !svg.contains("already scores")
            );
        }
    }

    #[test]
    fn a_baseline_that_scores_as_the_class_is_told_above_the_curves() {
        let mut comparison = fixture::comparison(40, 4);
        comparison.baselines[0].scores.fill(0.93);
        let it = faithfulness(&comparison).unwrap();
        let (_, svg) = drawn("faithfulness-curves-warned", &faithfulness_curves(&it).unwrap());
        let place = |text: &str| svg.find(text).unwrap();
        assert!(place("already scores as the explained class") < place(">true positives: "));
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
            let (_, svg) = drawn(&format!("faithfulness-curves-{name}"), &faithfulness_curves(&it).unwrap());
            assert_eq!(svg.contains(">undefined</text>"), name == "holes");
            assert_eq!(svg.contains("bands:"), name == "holes");
        }
    }
}
