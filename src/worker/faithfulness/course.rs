//! The step at which each pixel of an image is deleted or inserted.

use pcamflow::{
    metrics::{MapRange, by_value_descending, faithfulness::fractions},
    side::Side,
    stages::metrics::Protocol,
};

/// The thresholds of the notebook's protocol, without 0.
const THRESHOLDS: i32 = 50;

/// The points at which the network is asked. At a point, all pixels with this step or a smaller one are deleted (or
/// inserted).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Course {
    protocol: Protocol,
    per_step: usize,
    /// The points, in the order of a curve.
    pub(crate) points: Vec<i32>,
    /// Their positions on the axis of a curve, from 0 to 1.
    pub(crate) fractions: Vec<f64>,
}

impl Course {
    /// The course of a protocol for images of this side. With ranks, `per_step` pixels go at a time.
    pub(crate) fn new(protocol: Protocol, side: Side, per_step: usize) -> Self {
        let (pixels, per_step) = (side.pixels(), per_step.max(1));
        let (points, fractions): (Vec<i32>, _) = match protocol {
            Protocol::Rank => ((0..=pixels.div_ceil(per_step) as i32).collect(), fractions(pixels, per_step)),
            // Thresholds ascend, so fewer and fewer pixels are deleted.
            Protocol::Threshold => (
                (-THRESHOLDS..=0).rev().collect(),
                (0..=THRESHOLDS).map(|k| f64::from(k) / f64::from(THRESHOLDS)).collect(),
            ),
        };
        Self { protocol, per_step, points, fractions }
    }

    /// The step of each pixel; `None` if the map is not finite.
    pub(crate) fn steps(&self, map: &[f32]) -> Option<Vec<i32>> {
        let (low, high) = match MapRange::of(map) {
            MapRange::NotFinite(_) => return None,
            MapRange::Zero => (0.0, 0.0),
            MapRange::Constant(value) => (value, value),
            MapRange::Varied { low, high } => (low, high),
        };
        Some(match self.protocol {
            Protocol::Rank => self.by_rank(map),
            Protocol::Threshold => map.iter().map(|&value| -level(value, low, high)).collect(),
        })
    }

    fn by_rank(&self, map: &[f32]) -> Vec<i32> {
        let mut steps = vec![0; map.len()];
        for (rank, pixel) in by_value_descending(map).into_iter().enumerate() {
            steps[pixel] = (rank / self.per_step + 1) as i32;
        }
        steps
    }
}

/// The largest k of 0 to 50 with (value - low) / (high - low) >= k/50; of a constant map 0.
fn level(value: f32, low: f32, high: f32) -> i32 {
    let (value, low, high) = (f64::from(value), f64::from(low), f64::from(high));
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    let reached = |k: i32| share >= f64::from(k) / f64::from(THRESHOLDS);
    (0..=THRESHOLDS).rev().find(|&k| reached(k)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXELS: usize = Side::PCAM.pixels();

    /// A map that falls from the first pixel to the last.
    fn falling() -> Vec<f32> {
        (0..PIXELS).map(|at| -(at as f32)).collect()
    }

    #[test]
    fn pixels_go_from_the_largest_to_the_smallest() {
        let course = Course::new(Protocol::Rank, Side::PCAM, 96);
        assert_eq!((course.points.len(), course.points[0], course.points[96]), (97, 0, 96));
        let steps = course.steps(&falling()).unwrap();
        assert_eq!((steps[0], steps[95], steps[96], steps[PIXELS - 1]), (1, 1, 2, 96));
        assert_eq!(course.fractions[48], 0.5);
    }

    #[test]
    fn a_last_step_may_be_smaller() {
        let course = Course::new(Protocol::Rank, Side::PCAM, 1000);
        assert_eq!(
            (course.points.len(), course.fractions[9], course.fractions[10]),
            (11, 9000.0 / 9216.0, 1.0)
        );
        let steps = course.steps(&falling()).unwrap();
        assert_eq!(steps.iter().filter(|&&step| step == 10).count(), 216);
        let each = Course::new(Protocol::Rank, Side::PCAM, 1);
        assert_eq!((each.points.len(), each.steps(&falling()).unwrap()[PIXELS - 1]), (9217, 9216));
    }

    #[test]
    fn ties_go_in_row_major_order() {
        let course = Course::new(Protocol::Rank, Side::PCAM, 96);
        for map in [vec![0.0; PIXELS], vec![-3.5; PIXELS]] {
            assert_eq!(course.steps(&map), course.steps(&falling()));
        }
    }

    #[test]
    fn thresholds_apply_to_the_normalised_map() {
        let course = Course::new(Protocol::Threshold, Side::PCAM, 96);
        assert_eq!((course.points.len(), course.points[50], course.fractions[25]), (51, -50, 0.5));
        // 0 to 100 in hundredths of the range: two values per threshold.
        let map: Vec<f32> = (0..PIXELS).map(|at| (at % 101) as f32 - 20.0).collect();
        let steps = course.steps(&map).unwrap();
        assert_eq!((steps[0], steps[1], steps[2], steps[99], steps[100]), (0, 0, -1, -49, -50));
        for (&point, k) in course.points.iter().zip(0..) {
            let shown = steps.iter().take(101).filter(|&&step| step <= point).count();
            assert_eq!(shown, 101 - 2 * k, "{k}");
        }
        assert_eq!(course.steps(&[3.0; PIXELS]).unwrap(), vec![0; PIXELS]);
    }

    #[test]
    fn a_map_that_is_not_finite_has_no_order() {
        let mut map = falling();
        map[7] = f32::NAN;
        for protocol in [Protocol::Rank, Protocol::Threshold] {
            assert_eq!(Course::new(protocol, Side::PCAM, 96).steps(&map), None);
        }
    }
}
