//! Forest plots: estimates with their intervals, one line per method, several panels side by side.

use super::{
    axes::{Axis, LABELS, Plane, axes},
    color::{AXIS, GRID, INK, MUTED},
    font::{CAPITALS, fitted},
    legend::{ENTRY, MARGIN},
    scene::{Align, Pen, Rect, Scene, TextStyle},
    ticks::extremes,
};
use crate::metrics::Interval;

/// The height of a line.
const LINE: f64 = 22.0;
/// The width for the names of methods.
const NAMES: f64 = 170.0;
/// The width for the numbers right of a panel.
const NUMBER: f64 = 52.0;
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
    let left = MARGIN + NAMES;
    let width = (scene.width - left - 8.0) / panels.len().max(1) as f64;
    let height = LINE * lines.len() as f64;
    names(scene, top + 22.0, lines);
    for (index, panel) in panels.iter().enumerate() {
        let left = left + width * index as f64;
        let plot = Rect::new(left, top + 22.0, width - NUMBER - 16.0, height);
        scene.text(panel.title, (plot.left, top + 10.0), HEAD);
        draw(scene, plot, lines, panel);
    }
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
    for index in 1..lines.len() {
        separator(scene, plot, plot.top + LINE * index as f64);
    }
    if let Some(mark) = panel.mark {
        let (at, _) = plane.at(mark, 0.0);
        scene.line(vec![(at, plot.top), (at, plot.bottom())], MARKED);
    }
    for (index, (line, (mean, interval))) in lines.iter().zip(&panel.estimates).enumerate() {
        let y = middle(plot.top, index);
        whisker(scene, &plane, y, line, *mean, *interval);
        let style = TextStyle::new(11.0).align(Align::Right).color(if line.control { MUTED } else { INK });
        let text = mean.map_or_else(|| "undefined".to_owned(), signed);
        scene.text(text, (plot.right() + NUMBER + 2.0, y + style.size * CAPITALS / 2.0), style);
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
