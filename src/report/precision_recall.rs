//! The picture of the precision-recall curve.

use super::{Picture, scene::Point, unit_square::UnitSquare};
use crate::metrics::{ClassScores, Evaluation, PrecisionRecallCurve, Predictions, precision_recall_band};

/// Draws the curve with its band, chance (the share of positives), and the points at the thresholds of the
/// evaluation.
///
/// The curve is drawn in steps, as the average precision counts its area: classifiers between two points do
/// not lie on a straight line (Davis & Goadrich 2006). The band is resampled with the threads of the current pool
/// of rayon. Where only one class occurs, the picture says that there is no curve.
#[must_use]
pub fn precision_recall_curve(predictions: &Predictions, evaluation: &Evaluation) -> Picture {
    let chance = predictions.positives() as f64 / predictions.len() as f64;
    // Without a positive prediction there is no precision.
    let point = |of: &ClassScores| (of.predicted > 0).then_some((of.recall, of.precision));
    UnitSquare {
        title: "Evaluation: precision-recall curve",
        x: "recall",
        y: "precision",
        area: ("average precision", evaluation.average_precision, evaluation.average_precision_interval),
        chance: (format!("chance {chance:.2}"), [(0.0, chance), (1.0, chance)]),
        curve: PrecisionRecallCurve::of(predictions).map(|curve| steps(&curve)),
        band: precision_recall_band(predictions, &evaluation.bootstrap),
        shaded: false,
        fixed: point(&evaluation.at.per_class[1]),
        chosen: evaluation.chosen_threshold.as_ref().and_then(|chosen| point(&chosen.at.per_class[1])),
    }
    .picture(evaluation)
}

/// The corners of the curve from recall 0 on: each precision holds for the recall that it adds.
fn steps(curve: &PrecisionRecallCurve) -> Vec<Point> {
    let points: Vec<Point> =
        curve.recall.iter().copied().zip(curve.precision.iter().copied()).rev().collect();
    points.windows(2).flat_map(|pair| [(pair[0].0, pair[1].1), pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, gallery::drawn, scene::Shape};

    #[test]
    fn draws_small_and_large_sets() {
        for images in [12, 200, 5000] {
            let predictions = fixture::predictions(images);
            let picture = precision_recall_curve(&predictions, &fixture::evaluation_of(&predictions));
            let (size, svg) = drawn(&format!("precision-recall-{images}"), &picture);
            assert_eq!(size, (960, 1060));
            assert!(svg.contains("95 % CI") && svg.contains("average precision"));
            assert!(svg.contains(">95 % band<"));
        }
    }

    #[test]
    fn a_long_legend_stays_on_the_sheet() {
        let predictions = fixture::predictions(200);
        let evaluation = Evaluation { threshold: 0.0005, ..fixture::beside_a_chosen_threshold(&predictions) };
        let picture = precision_recall_curve(&predictions, &evaluation);
        drawn("precision-recall-long-legend", &picture);
        let right = |shape: &Shape| match shape {
            Shape::Text { text, at, style } if style.degrees == 0.0 => {
                at.0 + style.offset(text) + style.width(text)
            }
            _ => 0.0,
        };
        let right = picture.0.shapes.iter().map(right).fold(0.0, f64::max);
        assert!(right < 465.0, "{right}");
    }

    #[test]
    fn the_area_below_the_steps_is_the_average_precision() {
        let curve = PrecisionRecallCurve::of(&fixture::predictions(300)).unwrap();
        let steps = steps(&curve);
        let area: f64 = steps.windows(2).map(|pair| (pair[1].0 - pair[0].0) * pair[1].1).sum();
        assert!((area - curve.average_precision()).abs() < 1e-12);
    }

    #[test]
    fn never_positive_has_no_point_and_one_class_no_curve() {
        for (name, labels) in [("one-class", [1, 1]), ("never", [0, 1])] {
            let predictions = Predictions::new(&labels, &[0.2, 0.3]).unwrap();
            let picture = precision_recall_curve(&predictions, &fixture::evaluation_of(&predictions));
            let (_, svg) = drawn(&format!("precision-recall-{name}"), &picture);
            assert_eq!(svg.contains("undefined"), name == "one-class");
        }
    }
}
