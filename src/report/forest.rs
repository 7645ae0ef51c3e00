//! Forest plots: estimates with their intervals, one line per method, several panels side by side.

use anyhow::Result;

use super::{
    axes::{Axis, Plane, Scale, axes},
    color::{AXIS, GRID, INK, MUTED},
    font::{self, CAPITALS},
    legend::ENTRY,
    scene::{Align, Pen, Rect, Scene, TextStyle},
    ticks::ticks,
};
use crate::metrics::Interval;

/// The height of a line.
const LINE: f64 = 22.0;
/// The room for the names of methods.
const NAMES: f64 = 170.0;
/// What `axes` keeps for labels at the left and below.
pub(super) const LABELS: (f64, f64) = (56.0, 38.0);
/// The room for a number behind its panel.
const NUMBER: f64 = 52.0;
const HEAD: TextStyle = TextStyle::new(12.0).bold();

/// What stands at the left of a line.
pub(super) struct Line {
    pub(super) label: String,
    pub(super) control: bool,
    pub(super) pen: Pen,
}

/// One panel: an estimate for every line.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) label: &'static str,
    /// A value to be marked, for example chance.
    pub(super) mark: Option<f64>,
    /// What must be on the axis whatever the estimates are.
    pub(super) at_least: Option<(f64, f64)>,
    /// Per line the mean and its interval; a missing mean is undefined.
    pub(super) estimates: Vec<(Option<f64>, Option<Interval>)>,
}

/// How a marked value is drawn.
pub(super) const MARKED: Pen = Pen::new(INK, 1.2).dashed(4.0, 3.0);

/// The height of a block of panels of so many lines.
pub(super) fn height(lines: usize) -> f64 {
    22.0 + LINE * lines as f64 + LABELS.1 + 10.0
}

/// Draws panels side by side, `top` downwards over the width of the scene.
pub(super) fn forest(scene: &mut Scene, top: f64, lines: &[Line], panels: &[Panel]) -> Result<()> {
    let left = 24.0 + NAMES;
    let width = (scene.width - left - 8.0) / panels.len().max(1) as f64;
    let height = LINE * lines.len() as f64;
    names(scene, top + 22.0, lines);
    for (index, panel) in panels.iter().enumerate() {
        let left = left + width * index as f64;
        let plot = Rect::new(left, top + 22.0, width - NUMBER - 16.0, height);
        scene.text(&panel.title, (plot.left, top + 10.0), HEAD);
        draw(scene, plot, lines, panel)?;
    }
    Ok(())
}

fn names(scene: &mut Scene, top: f64, lines: &[Line]) {
    for (index, line) in lines.iter().enumerate() {
        let base = middle(top, index) + ENTRY.size * CAPITALS / 2.0;
        let label = font::fitted(&line.label, ENTRY.size, false, NAMES - 14.0);
        let style = ENTRY.align(Align::Right).color(if line.control { MUTED } else { INK });
        scene.text(label, (24.0 + NAMES - 12.0, base), style);
    }
}

fn middle(top: f64, index: usize) -> f64 {
    top + LINE * (index as f64 + 0.5)
}

fn draw(scene: &mut Scene, plot: Rect, lines: &[Line], panel: &Panel) -> Result<()> {
    let (x, y) = (axis(panel), lines_axis());
    let area = Rect::new(plot.left - LABELS.0, plot.top, plot.width + LABELS.0, plot.height + LABELS.1);
    let plane = axes(scene, area, &x, &y)?;
    for index in 1..lines.len() {
        let at = plot.top + LINE * index as f64;
        scene.line(vec![(plot.left, at), (plot.right(), at)], Pen::new(GRID, 0.6));
    }
    if let Some(mark) = panel.mark {
        let (at, _) = plane.at(mark, 0.0);
        scene.line(vec![(at, plot.top), (at, plot.bottom())], MARKED);
    }
    for (index, (line, estimate)) in lines.iter().zip(&panel.estimates).enumerate() {
        let number = (plot.right() + NUMBER + 2.0, middle(plot.top, index));
        whisker(scene, &plane, middle(plot.top, index), line, *estimate);
        let style = TextStyle::new(11.0).align(Align::Right).color(if line.control { MUTED } else { INK });
        let text = estimate.0.map_or_else(|| "undefined".to_owned(), signed);
        scene.text(text, (number.0, number.1 + style.size * CAPITALS / 2.0), style);
    }
    Ok(())
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
    (mean, interval): (Option<f64>, Option<Interval>),
) {
    let color = if line.control { AXIS } else { line.pen.color };
    let pen = Pen::new(color, 2.0);
    let at = |value| plane.at(value, 0.0).0;
    if let Some(ends) = interval {
        let (low, high) = (at(ends.low), at(ends.high));
        scene.line(vec![(low, y), (high, y)], pen);
        // Caps inside the disc would only deform it.
        for end in [low, high].into_iter().filter(|_| high - low > 10.0) {
            scene.line(vec![(end, y - 4.0), (end, y + 4.0)], pen);
        }
    }
    if let Some(mean) = mean {
        scene.disc((at(mean), y), 4.0, color);
    }
}

/// Lines are placed by hand: plotters only draws the frame.
pub(super) fn lines_axis() -> Axis {
    Axis { label: "", low: 0.0, high: 1.0, ticks: Vec::new(), scale: Scale::Linear, percent: false }
}

fn axis(panel: &Panel) -> Axis {
    let estimates = panel.estimates.iter();
    let values = estimates.flat_map(|(mean, ends)| {
        mean.iter().copied().chain(ends.iter().flat_map(|ends| [ends.low, ends.high])).collect::<Vec<_>>()
    });
    let kept = panel.at_least.map(|(low, high)| [low, high]);
    let all = || values.clone().chain(panel.mark).chain(kept.into_iter().flatten());
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
    let room = 0.06 * (high - low).max(1e-3);
    let (low, high) = (low - room, high + room);
    let ticks = ticks(low, high, 4);
    Axis { label: panel.label, low, high, ticks, scale: Scale::Linear, percent: false }
}
