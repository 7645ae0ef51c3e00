//! Axes, grid and labels of a chart, drawn with plotters, and the positions of its data.

use std::{convert::Infallible, ops::Range};

use plotters::{
    coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter},
    drawing::DrawingAreaErrorKind,
    prelude::{
        ChartBuilder, Color as _, IntoDrawingArea, IntoFont, RGBColor, Ranged, ShapeStyle, TRANSPARENT,
        TextStyle,
    },
};

use super::{
    color::{AXIS, Color, GRID, INK, MUTED},
    font::FAMILY,
    recorder::{Recorder, pixels, units},
    scene::{Point, Rect, Scene},
    ticks::{decimals, logarithmic_ticks, ticks},
};

/// The space for labels left of a chart and below it, in pixels.
pub(super) const LABELS: (f64, f64) = (56.0, 38.0);

/// How numbers become distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// Of positive numbers only.
    Logarithmic,
}

/// One axis of a chart.
#[derive(Clone)]
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
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (self.share(*value) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, tick: &f64) -> String {
        let (factor, sign) = if self.percent { (100.0, " %") } else { (1.0, "") };
        let shown: Vec<f64> = self.ticks.iter().map(|tick| tick * factor).collect();
        let digits = match self.scale {
            Scale::Linear => decimals(&shown),
            Scale::Logarithmic => decimals(&[*tick]),
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

/// Draws the axes of a chart into `area`, labels included.
pub(super) fn axes<'a>(scene: &mut Scene, area: Rect, x: &'a Axis, y: &'a Axis) -> Plane<'a> {
    let (left, top) = (units(area.left), units(area.top));
    let (width, height) = (units(area.width), units(area.height));
    let (labels_left, labels_below) = (units(LABELS.0), units(LABELS.1));
    let start = pixels((left + labels_left, top));
    let end = pixels((left + width, top + height - labels_below));
    let root = Recorder(scene).into_drawing_area().shrink((left, top), (width, height));
    let drawn = || -> Result<(), DrawingAreaErrorKind<Infallible>> {
        ChartBuilder::on(&root)
            .x_label_area_size(labels_below)
            .y_label_area_size(labels_left)
            .build_cartesian_2d(x.clone(), y.clone())?
            .configure_mesh()
            .bold_line_style(line(GRID))
            .light_line_style(TRANSPARENT)
            .axis_style(line(AXIS))
            .set_all_tick_mark_size(units(4.0))
            .label_style(text(11.0, MUTED))
            .axis_desc_style(text(12.0, INK))
            .x_desc(x.label)
            .y_desc(y.label)
            .draw()
    };
    // A scene takes every line and text. An error would be one of plotters, and only the axes would be missing.
    if let Err(error) = drawn() {
        tracing::warn!("the axes of a chart could not be drawn: {error}");
    }
    Plane { frame: Rect::new(start.0, start.1, end.0 - start.0, end.1 - start.1), x, y }
}

fn plotters_color(color: Color) -> RGBColor {
    let [red, green, blue] = color.rgb;
    RGBColor(red, green, blue)
}

fn line(color: Color) -> ShapeStyle {
    plotters_color(color).stroke_width(units(1.0) as u32)
}

fn text(size: f64, color: Color) -> TextStyle<'static> {
    (FAMILY, units(size)).into_font().color(&plotters_color(color))
}
