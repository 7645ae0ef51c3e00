//! Shared parts of charts with any number of series: bands around lines, warnings.

use super::{
    axes::Plane,
    color::{Color, VERMILION},
    font::wrapped,
    legend::{MARGIN, SUBTITLE},
    scene::Scene,
};
use crate::metrics::Interval;

/// Shades the space between the ends of intervals, with `opacity` 0 to 1.
pub(super) fn shade(
    scene: &mut Scene,
    plane: &Plane<'_>,
    xs: &[f64],
    ends: &[Interval],
    color: Color,
    opacity: f64,
) {
    let pairs = || xs.iter().zip(ends);
    let above = pairs().map(|(&x, ends)| plane.at(x, ends.high));
    let below = pairs().rev().map(|(&x, ends)| plane.at(x, ends.low));
    scene.area(above.chain(below).collect(), Color { alpha: opacity, ..color });
}

/// Writes warnings below a subtitle, and returns their height.
pub(super) fn warned(scene: &mut Scene, warnings: &[String]) -> f64 {
    let mut height = 0.0;
    let room = scene.width - 2.0 * MARGIN;
    for line in warnings.iter().flat_map(|it| wrapped(it, SUBTITLE.size, false, room)) {
        scene.text(line, (MARGIN, 74.0 + height), SUBTITLE.color(VERMILION));
        height += 16.0;
    }
    height
}
