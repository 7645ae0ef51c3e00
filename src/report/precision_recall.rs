//! The precision-recall curve as a picture.

use anyhow::Result;

use super::{
    Picture,
    color::VERMILION,
    legend::{CHOSEN, Entry, Mark, chosen_threshold},
    numbers::interval,
    scene::{Point, Scene},
    unit_square::{CHANCE, CURVE, UnitSquare},
};
use crate::metrics::{Evaluation, PrecisionRecallCurve, Predictions};

/// Draws the curve, chance (the share of positives), and the point at which the evaluation's
/// threshold lies.
///
/// The curve is drawn in steps, as its area, the average precision, is counted: between two points
/// no straight line of classifiers runs (Davis & Goadrich 2006). Where only one class occurs, the
/// picture says that there is no curve.
///
/// # Errors
/// Plotters cannot draw the axes.
pub fn precision_recall_curve(predictions: &Predictions, evaluation: &Evaluation) -> Result<Picture> {
    let average = match evaluation.average_precision {
        Some(average) => {
            let interval = interval(evaluation.average_precision_interval, evaluation.bootstrap.level);
            format!("average precision {average:.3}{interval}")
        }
        None => "undefined: all images belong to one class".to_owned(),
    };
    let square =
        UnitSquare { title: "Precision-recall curve", subtitle: average, x: "recall", y: "precision" };
    let chance = predictions.positives() as f64 / predictions.len() as f64;
    // Without a positive prediction there is no precision to be marked.
    let marked = evaluation.confusion.predicted(1) > 0;
    let chosen = evaluation.chosen_threshold.as_ref().filter(|at| at.confusion.predicted(1) > 0);
    let mut entries = vec![Entry::new(Mark::Line(CHANCE), format!("chance {chance:.2}"))];
    if evaluation.average_precision.is_some() {
        if marked {
            entries
                .insert(0, Entry::new(Mark::Ring(VERMILION), format!("threshold {}", evaluation.threshold)));
        }
        entries.extend(chosen.and_then(|_| chosen_threshold(evaluation)));
        entries.insert(0, Entry::new(Mark::Line(CURVE), "model"));
    }
    let mut scene = Scene::new(480.0, 530.0);
    square.draw(&mut scene, &entries, |scene, plane| {
        scene.line(vec![plane.at(0.0, chance), plane.at(1.0, chance)], CHANCE);
        let Some(curve) = PrecisionRecallCurve::of(predictions) else { return };
        let steps = steps(&curve).into_iter();
        scene.line(steps.map(|(recall, precision)| plane.at(recall, precision)).collect(), CURVE);
        let fixed = marked.then_some((&evaluation.per_class[1], VERMILION));
        for (positive, color) in fixed.into_iter().chain(chosen.map(|at| (&at.per_class[1], CHOSEN))) {
            super::legend::ring(scene, plane.at(positive.recall, positive.precision), color);
        }
    })?;
    Ok(Picture(scene))
}

/// The corners of the curve from recall 0 on: each precision holds over the recall that it adds.
fn steps(curve: &PrecisionRecallCurve) -> Vec<Point> {
    let points: Vec<Point> =
        curve.recall.iter().copied().zip(curve.precision.iter().copied()).rev().collect();
    points.windows(2).flat_map(|pair| [(pair[0].0, pair[1].1), pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, gallery::drawn};

    #[test]
    fn draws_small_and_large_sets() {
        for images in [12, 200, 5000] {
            let predictions = fixture::predictions(images);
            let picture =
                precision_recall_curve(&predictions, &fixture::evaluation_of(&predictions)).unwrap();
            let (size, svg) = drawn(&format!("precision-recall-{images}"), &picture);
            assert_eq!(size, (960, 1060));
            assert!(svg.contains("95 % CI") && svg.contains("average precision"));
        }
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
            let picture =
                precision_recall_curve(&predictions, &fixture::evaluation_of(&predictions)).unwrap();
            let (_, svg) = drawn(&format!("precision-recall-{name}"), &picture);
            assert_eq!(svg.contains("undefined"), name == "one-class");
        }
    }
}
