//! Axes, grid and labels of a chart, and the positions of its data.

use super::{
    color::{AXIS, Color, GRID, MUTED},
    font::{CAPITALS, DESCENT},
    scene::{Align, Pen, Point, Rect, Scene, TextStyle},
    ticks::{decimals, logarithmic_ticks, ticks},
};

/// The space for labels left of a chart and below it, in pixels.
pub(super) const LABELS: (f64, f64) = (56.0, 38.0);

const TICK: i32 = tenths(4.0);
const NUMBER: TextStyle = TextStyle::new(11.0).color(MUTED);
const NAME: TextStyle = TextStyle::new(12.0).align(Align::Centre);

/// How numbers become distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// Of positive numbers only.
    Logarithmic,
}

/// One axis of a chart.
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    pub(super) scale: Scale,
    /// Whether numbers are shares, shown as per cent.
    pub(super) percent: bool,
}

impl Axis {
    /// A linear axis without ticks.
    pub(super) const fn bare(low: f64, high: f64) -> Self {
        Self { label: "", low, high, ticks: Vec::new(), scale: Scale::Linear, percent: false }
    }

    /// A linear axis with about `count` ticks.
    pub(super) fn linear(label: &'static str, low: f64, high: f64, count: usize) -> Self {
        Self { label, ticks: ticks(low, high, count), ..Self::bare(low, high) }
    }

    pub(super) fn logarithmic(label: &'static str, low: f64, high: f64) -> Self {
        let ticks = logarithmic_ticks(low, high);
        Self { label, ticks, scale: Scale::Logarithmic, ..Self::bare(low, high) }
    }

    /// The position of `value` between `low` (0) and `high` (1).
    fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// The positions of the ticks between two ends, in tenths of a pixel.
    fn places(&self, start: i32, end: i32) -> Vec<i32> {
        let place = |&tick| start + (self.share(tick) * f64::from(end - start)).round() as i32;
        self.ticks.iter().map(place).collect()
    }

    fn number(&self, tick: f64) -> String {
        let (factor, sign) = if self.percent { (100.0, " %") } else { (1.0, "") };
        let shown: Vec<f64> = self.ticks.iter().map(|tick| tick * factor).collect();
        let digits = match self.scale {
            Scale::Linear => decimals(&shown),
            Scale::Logarithmic => decimals(&[tick]),
        };
        format!("{:.*}{sign}", digits, tick * factor + 0.0).replace('-', "\u{2212}")
    }
}

/// The rectangle in which a chart shows its data.
pub(super) struct Plane<'a> {
    pub(super) frame: Rect,
    x: &'a Axis,
    y: &'a Axis,
}

impl Plane<'_> {
    /// The position of a data point.
    pub(super) fn at(&self, x: f64, y: f64) -> Point {
        let Rect { left, width, height, .. } = self.frame;
        (left + width * self.x.share(x), self.frame.bottom() - height * self.y.share(y))
    }
}

/// Charts are laid out in whole tenths of a pixel.
const fn tenths(pixels: f64) -> i32 {
    (pixels * 10.0).round() as i32
}

fn pixels(tenths: i32) -> f64 {
    f64::from(tenths) / 10.0
}

/// From where to where a line runs, in tenths of a pixel.
type Line = [(i32, i32); 2];

fn draw(scene: &mut Scene, lines: &[Line], pen: Pen) {
    for line in lines {
        scene.line(line.map(|(x, y)| (pixels(x), pixels(y))).to_vec(), pen);
    }
}

/// Draws the axes of a chart into `area`, labels included.
pub(super) fn axes<'a>(scene: &mut Scene, area: Rect, x: &'a Axis, y: &'a Axis) -> Plane<'a> {
    let (outer, top) = (tenths(area.left), tenths(area.top));
    let (right, below) = (outer + tenths(area.width), top + tenths(area.height));
    let (left, bottom) = (outer + tenths(LABELS.0), below - tenths(LABELS.1));
    let (columns, rows) = (x.places(left, right - 1), y.places(bottom - 1, top));
    let vertical = columns.iter().map(|&at| [(at, bottom - 1), (at, top)]);
    let grid: Vec<Line> = vertical.chain(rows.iter().map(|&at| [(left, at), (right - 1, at)])).collect();
    // Invisible, but part of every SVG made so far: its bytes must not change.
    draw(scene, &grid, Pen::new(Color { alpha: 0.0, ..Color::rgb(0, 0, 0) }, 0.1));
    let (middle, centre) = (pixels(top + (bottom - top) / 2), pixels(left + (right - left) / 2));
    scene.text(y.label, (pixels(outer) + NAME.size * CAPITALS, middle), NAME.turned(-90.0));
    scene.text(x.label, (centre, pixels(below) - NAME.size * DESCENT), NAME);
    draw(scene, &grid, Pen::new(GRID, 1.0));
    let pen = Pen::new(AXIS, 1.0);
    draw(scene, &[[(left - 1, top), (left - 1, bottom - 1)]], pen);
    for (&tick, at) in y.ticks.iter().zip(rows) {
        let place = (pixels(left - 2 * TICK), pixels(at) + NUMBER.size * (CAPITALS / 2.0));
        scene.text(y.number(tick), place, NUMBER.align(Align::Right));
        draw(scene, &[[(left - 1 - TICK, at), (left - 1, at)]], pen);
    }
    draw(scene, &[[(left, bottom), (right - 1, bottom)]], pen);
    for (&tick, at) in x.ticks.iter().zip(columns) {
        let place = (pixels(at), pixels(bottom + 2 * TICK) + NUMBER.size * CAPITALS);
        scene.text(x.number(tick), place, NUMBER.align(Align::Centre));
        draw(scene, &[[(at, bottom), (at, bottom + TICK)]], pen);
    }
    let (width, height) = (pixels(right) - pixels(left), pixels(bottom) - pixels(top));
    Plane { frame: Rect::new(pixels(left), pixels(top), width, height), x, y }
}
