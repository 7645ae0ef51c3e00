//! Axes, grid and labels of a chart, drawn with plotters; and where data come to lie on them.

use std::ops::Range;

use anyhow::Result;
use plotters::{
    coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter},
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
    ticks::decimals,
};

/// How numbers become distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// Of positive numbers only.
    Logarithmic,
}

impl Scale {
    /// Where `value` lies on the way from `low` (0) to `high` (1).
    fn share(self, value: f64, low: f64, high: f64) -> f64 {
        match self {
            Self::Linear => (value - low) / (high - low),
            Self::Logarithmic => (value / low).ln() / (high / low).ln(),
        }
    }
}

/// One axis of a chart: to plotters, a coordinate with its own ticks and labels.
#[derive(Clone)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    pub(super) scale: Scale,
    /// Whether numbers are shares to be shown as per cent.
    pub(super) percent: bool,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = self.scale.share(*value, self.low, self.high);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let (factor, sign) = if self.percent { (100.0, " %") } else { (1.0, "") };
        let shown: Vec<f64> = self.ticks.iter().map(|tick| tick * factor).collect();
        let digits = match self.scale {
            Scale::Linear => decimals(&shown),
            Scale::Logarithmic => decimals(&[*value]),
        };
        format!("{:.*}{sign}", digits, value * factor + 0.0).replace('-', "\u{2212}")
    }
}

/// The rectangle in which a chart shows its data.
pub(super) struct Plane<'a> {
    pub(super) frame: Rect,
    x: &'a Axis,
    y: &'a Axis,
}

impl Plane<'_> {
    /// Where a point of the data lies.
    pub(super) fn at(&self, x: f64, y: f64) -> Point {
        let share = |value, axis: &Axis| axis.scale.share(value, axis.low, axis.high);
        let Rect { left, width, height, .. } = self.frame;
        (left + width * share(x, self.x), self.frame.bottom() - height * share(y, self.y))
    }
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

/// Draws the axes of a chart into `area`, labels included.
pub(super) fn axes<'a>(scene: &mut Scene, area: Rect, x: &'a Axis, y: &'a Axis) -> Result<Plane<'a>> {
    let root = Recorder(scene).into_drawing_area();
    let (left, top) = (units(area.left), units(area.top));
    let root = root.shrink((left, top), (units(area.width), units(area.height)));
    let mut chart = ChartBuilder::on(&root)
        .x_label_area_size(units(38.0))
        .y_label_area_size(units(56.0))
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(line(GRID))
        .light_line_style(TRANSPARENT)
        .axis_style(line(AXIS))
        .set_all_tick_mark_size(units(4.0))
        .label_style(text(11.0, MUTED))
        .axis_desc_style(text(12.0, INK))
        .x_desc(x.label)
        .y_desc(y.label)
        .draw()?;
    let (columns, rows) = chart.plotting_area().get_pixel_range();
    let (start, end) = (pixels((columns.start, rows.start)), pixels((columns.end, rows.end)));
    let frame = Rect::new(start.0, start.1, end.0 - start.0, end.1 - start.1);
    Ok(Plane { frame, x, y })
}
