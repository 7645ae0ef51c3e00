//! Forest plots: estimates with their intervals, one line per method, several panels side by side.

use super::{
    axes::{Axis, LABELS, Plane, axes},
    color::{AXIS, GRID, INK, MUTED},
    font::{CAPITALS, fitted},
    legend::{ENTRY, MARGIN},
    scene::{Align, Pen, Point, Rect, Scene, TextStyle},
    ticks::extremes,
};
use crate::metrics::Interval;

/// The height of a line.
const LINE: f64 = 22.0;
/// The width for the names of methods.
const NAMES: f64 = 170.0;
/// The width for the numbers right of a panel.
const NUMBER: f64 = 62.0;
/// The space between a panel with its numbers and the next one. It is wider than that between a plot and its
/// numbers, so that the numbers belong to the plot before them.
const BETWEEN: f64 = 34.0;
/// The space between a plot and its numbers.
const BESIDE: f64 = 8.0;
const VALUE: TextStyle = TextStyle::new(11.0);
const HEAD: TextStyle = TextStyle::new(12.0).bold();

/// A method: its name, and the colour of its estimates.
pub(super) struct Line {
    pub(super) label: String,
    pub(super) control: bool,
    pub(super) pen: Pen,
}

/// One panel: an estimate for every line.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) label: &'static str,
    /// A value to be marked, for example chance.
    pub(super) mark: Option<f64>,
    /// Values that the axis always includes.
    pub(super) at_least: &'static [f64],
    /// The mean and its interval for each line; a missing mean is undefined.
    pub(super) estimates: Vec<(Option<f64>, Option<Interval>)>,
}

/// How a marked value is drawn.
pub(super) const MARKED: Pen = Pen::new(INK, 1.2).dashed(4.0, 3.0);

/// The height of a block of panels with this number of lines.
pub(super) fn height(lines: usize) -> f64 {
    22.0 + LINE * lines as f64 + LABELS.1 + 10.0
}

/// Draws panels side by side, from `top` down, over the width of the scene.
pub(super) fn forest(scene: &mut Scene, top: f64, lines: &[Line], panels: &[Panel]) {
    names(scene, top + 22.0, lines);
    for (plot, panel) in plots(scene.width, top + 22.0, lines.len(), panels.len()).zip(panels) {
        scene.text(panel.title, (plot.left, top + 10.0), HEAD);
        draw(scene, plot, lines, panel);
    }
}

/// The plots of panels side by side.
fn plots(width: f64, top: f64, lines: usize, panels: usize) -> impl Iterator<Item = Rect> {
    let left = MARGIN + NAMES;
    let step = (width - MARGIN / 2.0 + BETWEEN - left) / panels.max(1) as f64;
    let height = LINE * lines as f64;
    (0..panels).map(move |index| Rect::new(left + step * index as f64, top, step - NUMBER - BETWEEN, height))
}

fn names(scene: &mut Scene, top: f64, lines: &[Line]) {
    for (index, line) in lines.iter().enumerate() {
        let base = middle(top, index) + ENTRY.size * CAPITALS / 2.0;
        let label = fitted(&line.label, ENTRY.size, false, NAMES - 14.0);
        let style = ENTRY.align(Align::Right).color(if line.control { MUTED } else { INK });
        scene.text(label, (MARGIN + NAMES - 12.0, base), style);
    }
}

fn middle(top: f64, index: usize) -> f64 {
    top + LINE * (index as f64 + 0.5)
}

fn draw(scene: &mut Scene, plot: Rect, lines: &[Line], panel: &Panel) {
    let x = axis(panel);
    let plane = rows(scene, plot, &x);
    let with_numbers = Rect { width: plot.width + NUMBER, ..plot };
    for index in 1..lines.len() {
        separator(scene, with_numbers, plot.top + LINE * index as f64);
    }
    if let Some(mark) = panel.mark {
        let (at, _) = plane.at(mark, 0.0);
        scene.line(vec![(at, plot.top), (at, plot.bottom())], MARKED);
    }
    for (index, (line, (mean, interval))) in lines.iter().zip(&panel.estimates).enumerate() {
        let y = middle(plot.top, index);
        whisker(scene, &plane, y, line, *mean, *interval);
        number(scene, (plot.right() + BESIDE, y), line, *mean);
    }
}

/// Writes a mean right of its plot. Numbers end below each other, with room for a sign before them.
fn number(scene: &mut Scene, (left, middle): Point, line: &Line, mean: Option<f64>) {
    let style = VALUE.color(if line.control { MUTED } else { INK });
    let base = middle + style.size * CAPITALS / 2.0;
    match mean {
        Some(mean) => {
            let right = left + style.width("\u{2212}0.000");
            scene.text(signed(mean), (right, base), style.align(Align::Right));
        }
        None => scene.text("undefined", (left, base), style),
    }
}

/// With the typographic minus.
fn signed(value: f64) -> String {
    format!("{value:.3}").replace('-', "\u{2212}")
}

fn whisker(
    scene: &mut Scene,
    plane: &Plane<'_>,
    y: f64,
    line: &Line,
    mean: Option<f64>,
    interval: Option<Interval>,
) {
    let color = if line.control { AXIS } else { line.pen.color };
    let pen = Pen::new(color, 2.0);
    let at = |value| plane.at(value, 0.0).0;
    if let Some(ends) = interval {
        let (low, high) = (at(ends.low), at(ends.high));
        scene.line(vec![(low, y), (high, y)], pen);
        // Caps inside the disc would only distort it.
        for end in [low, high].into_iter().filter(|_| high - low > 10.0) {
            scene.line(vec![(end, y - 4.0), (end, y + 4.0)], pen);
        }
    }
    if let Some(mean) = mean {
        scene.disc((at(mean), y), 4.0, color);
    }
}

/// Draws the axis of rows that are placed by hand.
pub(super) fn rows<'a>(scene: &mut Scene, plot: Rect, x: &'a Axis) -> Plane<'a> {
    static ROWS: Axis = Axis::bare(0.0, 1.0);
    let area = Rect::new(plot.left - LABELS.0, plot.top, plot.width + LABELS.0, plot.height + LABELS.1);
    axes(scene, area, x, &ROWS)
}

/// Draws a line between two rows.
pub(super) fn separator(scene: &mut Scene, plot: Rect, y: f64) {
    scene.line(vec![(plot.left, y), (plot.right(), y)], Pen::new(GRID, 0.6));
}

fn axis(panel: &Panel) -> Axis {
    let ends = panel.estimates.iter().filter_map(|(_, interval)| *interval);
    let means = panel.estimates.iter().filter_map(|(mean, _)| *mean);
    let values = ends.flat_map(|ends| [ends.low, ends.high]).chain(means).chain(panel.mark);
    let values: Vec<f64> = values.chain(panel.at_least.iter().copied()).collect();
    let (low, high) = extremes(values).unwrap_or((0.0, 1.0));
    let room = 0.06 * (high - low).max(1e-3);
    Axis::linear(panel.label, low - room, high + room, 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{color::BLUE, scene::Shape};

    fn panel(means: &[Option<f64>]) -> Panel {
        let estimates = means.iter().map(|mean| (*mean, None)).collect();
        Panel { title: "", label: "", mark: None, at_least: &[0.0, 1.0], estimates }
    }

    #[test]
    fn numbers_stand_at_their_own_panel() {
        let line = |label: &str| Line { label: label.to_owned(), control: false, pen: Pen::new(BLUE, 2.0) };
        let lines = [line("one"), line("two")];
        let panels = [0.1234, -0.4567, 0.8889].map(|mean| panel(&[Some(mean), None]));
        let mut scene = Scene::new(940.0, 200.0);
        forest(&mut scene, 20.0, &lines, &panels);
        let plots: Vec<Rect> = plots(940.0, 42.0, 2, 3).collect();
        let mut found = 0;
        for shape in &scene.shapes {
            let Shape::Text { text, at, style } = shape else { continue };
            let texts = ["0.123", "\u{2212}0.457", "0.889"];
            let Some(own) = texts.iter().position(|number| number == text) else { continue };
            let (left, right) = (at.0 + style.offset(text), at.0 + style.offset(text) + style.width(text));
            let next = plots.get(own + 1).map_or(940.0, |plot| plot.left);
            assert!(left > plots[own].right() && right < next, "{text}");
            assert!(left - plots[own].right() < (next - right) / 2.0 || own == 2, "{text}");
            found += 1;
        }
        assert_eq!(found, 3);
    }
}
