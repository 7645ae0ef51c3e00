//! The picture of the receiver operating characteristic.

use super::{Picture, unit_square::UnitSquare};
use crate::metrics::{ConfusionMatrix, Evaluation, Predictions, RocCurve, roc_band};

/// Draws the curve with its band, chance, and the points at the thresholds of the evaluation.
///
/// The band is resampled with the threads of the current pool of rayon. Where only one class occurs, the picture says that there is no curve.
#[must_use]
pub fn roc_curve(predictions: &Predictions, evaluation: &Evaluation) -> Picture {
    let rates = |of: &ConfusionMatrix| (of.false_positive_rate(), of.true_positive_rate());
    let points = |curve: RocCurve| curve.false_positive_rate.into_iter().zip(curve.true_positive_rate);
    UnitSquare {
        title: "Evaluation: ROC curve",
        x: "false positive rate",
        y: "true positive rate",
        area: ("AUC", evaluation.roc_auc, evaluation.roc_auc_interval),
        chance: ("chance".to_owned(), [(0.0, 0.0), (1.0, 1.0)]),
        curve: RocCurve::of(predictions).map(|curve| points(curve).collect()),
        band: roc_band(predictions, &evaluation.bootstrap),
        shaded: true,
        fixed: Some(rates(&evaluation.at.confusion)),
        chosen: evaluation.chosen_threshold.as_ref().map(|chosen| rates(&chosen.at.confusion)),
    }
    .picture(evaluation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, gallery::drawn};

    #[test]
    fn draws_small_and_large_sets() {
        for images in [12, 200, 5000] {
            let predictions = fixture::predictions(images);
            let picture = roc_curve(&predictions, &fixture::evaluation_of(&predictions));
            let (size, svg) = drawn(&format!("roc-{images}"), &picture);
            assert_eq!(size, (960, 1060));
            assert!(svg.contains("95 % CI") && svg.contains(">threshold 0.5<"));
            assert!(svg.contains(">95 % band<"));
        }
    }

    #[test]
    fn marks_a_chosen_threshold() {
        let predictions = fixture::predictions(5000);
        let picture = roc_curve(&predictions, &fixture::beside_a_chosen_threshold(&predictions));
        let (size, svg) = drawn("roc-chosen", &picture);
        assert_eq!(size, (960, 1096));
        assert!(svg.contains(">threshold 0.5<") && svg.contains(": highest accuracy on validation<"));
    }

    #[test]
    fn says_so_where_there_is_no_curve() {
        let predictions = Predictions::new(&[0, 0], &[0.2, 0.7]).unwrap();
        let picture = roc_curve(&predictions, &fixture::evaluation_of(&predictions));
        let (_, svg) = drawn("roc-one-class", &picture);
        assert!(svg.contains(">2 images; undefined: all images belong to one class<"));
        assert!(!svg.contains("band"));
    }

    #[test]
    fn draws_perfection_and_a_constant() {
        for (name, probabilities) in [("perfect", [0.1, 0.2, 0.8, 0.9]), ("constant", [0.3; 4])] {
            let predictions = Predictions::new(&[0, 0, 1, 1], &probabilities).unwrap();
            let picture = roc_curve(&predictions, &fixture::evaluation_of(&predictions));
            let (_, svg) = drawn(&format!("roc-{name}"), &picture);
            assert!(!svg.contains("band"), "{name}");
        }
    }
}
