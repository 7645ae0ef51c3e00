//! The receiver operating characteristic as a picture.

use anyhow::Result;

use super::{
    Picture,
    color::{BLUE, VERMILION},
    legend::{CHOSEN, Entry, Mark, chosen_threshold},
    numbers::interval,
    scene::Scene,
    unit_square::{CHANCE, CURVE, UnitSquare},
};
use crate::metrics::{ConfusionMatrix, Evaluation, Predictions, RocCurve};

/// Draws the curve, chance, and the point at which the evaluation's threshold lies.
///
/// Where only one class occurs, the picture says that there is no curve.
///
/// # Errors
/// Plotters cannot draw the axes.
pub fn roc_curve(predictions: &Predictions, evaluation: &Evaluation) -> Result<Picture> {
    let subtitle = match evaluation.roc_auc {
        Some(auc) => {
            let interval = interval(evaluation.roc_auc_interval, evaluation.bootstrap.level);
            format!("AUC {auc:.3}{interval}")
        }
        None => "undefined: all images belong to one class".to_owned(),
    };
    let square =
        UnitSquare { title: "ROC curve", subtitle, x: "false positive rate", y: "true positive rate" };
    let mut entries = vec![Entry::new(Mark::Line(CHANCE), "chance")];
    if evaluation.roc_auc.is_some() {
        entries.insert(0, Entry::new(Mark::Line(CURVE), "model"));
        entries.insert(1, Entry::new(Mark::Ring(VERMILION), format!("threshold {}", evaluation.threshold)));
        entries.extend(chosen_threshold(evaluation));
    }
    let mut scene = Scene::new(480.0, 530.0);
    square.draw(&mut scene, &entries, |scene, plane| {
        scene.line(vec![plane.at(0.0, 0.0), plane.at(1.0, 1.0)], CHANCE);
        let Some(curve) = RocCurve::of(predictions) else { return };
        let points = curve.false_positive_rate.iter().zip(&curve.true_positive_rate);
        let points: Vec<_> = points.map(|(&x, &y)| plane.at(x, y)).collect();
        let mut ground = points.clone();
        ground.push(plane.at(1.0, 0.0));
        scene.area(ground, super::Color { alpha: 0.08, ..BLUE });
        scene.line(points, CURVE);
        let mut ring = |matrix: &ConfusionMatrix, color| {
            let at = plane.at(matrix.false_positive_rate(), matrix.true_positive_rate());
            super::legend::ring(scene, at, color);
        };
        ring(&evaluation.confusion, VERMILION);
        if let Some(at) = &evaluation.chosen_threshold {
            ring(&at.confusion, CHOSEN);
        }
    })?;
    Ok(Picture(scene))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, gallery::drawn};

    #[test]
    fn draws_small_and_large_sets() {
        for images in [12, 200, 5000] {
            let predictions = fixture::predictions(images);
            let picture = roc_curve(&predictions, &fixture::evaluation_of(&predictions)).unwrap();
            let (size, svg) = drawn(&format!("roc-{images}"), &picture);
            assert_eq!(size, (960, 1060));
            assert!(svg.contains("95 % CI") && svg.contains(">threshold 0.5<"));
        }
    }

    #[test]
    fn marks_a_chosen_threshold_too() {
        let predictions = fixture::predictions(5000);
        let picture = roc_curve(&predictions, &fixture::beside_a_chosen_threshold(&predictions)).unwrap();
        let (size, svg) = drawn("roc-chosen", &picture);
        assert_eq!(size, (960, 1060));
        assert!(svg.contains(">threshold 0.5<") && svg.contains(">chosen: 0."));
    }

    #[test]
    fn says_so_where_there_is_no_curve() {
        let predictions = Predictions::new(&[0, 0], &[0.2, 0.7]).unwrap();
        let picture = roc_curve(&predictions, &fixture::evaluation_of(&predictions)).unwrap();
        assert!(drawn("roc-one-class", &picture).1.contains("undefined: all images belong to one class"));
    }

    #[test]
    fn draws_perfection_and_a_constant() {
        for (name, probabilities) in [("perfect", [0.1, 0.2, 0.8, 0.9]), ("constant", [0.3; 4])] {
            let predictions = Predictions::new(&[0, 0, 1, 1], &probabilities).unwrap();
            let picture = roc_curve(&predictions, &fixture::evaluation_of(&predictions)).unwrap();
            drawn(&format!("roc-{name}"), &picture);
        }
    }
}
