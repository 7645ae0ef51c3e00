//! Shared parts of charts with any number of series: colours, dashes, bands around lines, warnings.

use super::{
    axes::Plane,
    color::{AXIS, Color, SERIES, VERMILION},
    font::wrapped,
    legend::{MARGIN, SUBTITLE},
    scene::{Pen, Scene},
};
use crate::metrics::Interval;

/// A pen for each method, given whether it is a control. Explanations have colours, which are dashed from the
/// eighth on; controls are grey, each with another dash.
pub(super) fn pens(controls: impl IntoIterator<Item = bool>) -> Vec<Pen> {
    const DASHES: [[f64; 2]; 3] = [[6.0, 4.0], [2.0, 3.0], [10.0, 3.0]];
    let (mut explanations, mut grey) = (0, 0);
    let pen = |control| {
        if control {
            grey += 1;
            let [dash, gap] = DASHES[(grey - 1) % DASHES.len()];
            return Pen::new(AXIS, 1.8).dashed(dash, gap);
        }
        explanations += 1;
        let pen = Pen::new(SERIES[(explanations - 1) % SERIES.len()], 2.0);
        if explanations > SERIES.len() { pen.dashed(7.0, 3.0) } else { pen }
    };
    controls.into_iter().map(pen).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_fourteen_explanations_and_three_controls_look_alike() {
        let pens = pens((0..17).map(|at| at >= 14));
        for (index, pen) in pens.iter().enumerate() {
            let alike = |other: &Pen| other.color == pen.color && other.dash == pen.dash;
            assert!(!pens[..index].iter().any(alike), "{index}");
        }
    }
}
