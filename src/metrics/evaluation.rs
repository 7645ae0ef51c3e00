//! Everything that is reported about a classifier on some images: the contents of `metrics.json`.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    AtChosenThreshold, AtThreshold, Bootstrap, ChosenThreshold, Interval, PrecisionRecallCurve, Predictions,
    Undefined, average_precision_interval, brier, calibration_error, log_loss, roc_auc, roc_auc_interval,
};

/// The settings of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationSettings {
    /// Images with a probability above it are predicted positive.
    pub threshold: f64,
    /// The names of the classes 0 and 1.
    pub classes: [String; 2],
    /// How confidence intervals are made.
    pub bootstrap: Bootstrap,
}

/// All numbers; an undefined one is 0 or null, and listed under `undefined`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evaluation {
    /// How many images.
    pub images: u64,
    /// From how many slides; null if that is not known. If it is known, intervals take into account that
    /// patches of one slide are alike.
    #[serde(default)]
    pub slides: Option<u64>,
    /// The names of the classes 0 and 1.
    pub classes: [String; 2],
    /// Images with a probability above it are predicted positive.
    pub threshold: f64,
    /// What this threshold makes of the images.
    #[serde(flatten)]
    pub at: AtThreshold,
    /// The area under the ROC curve; null with one class.
    pub roc_auc: Option<f64>,
    /// Its bootstrap interval over slides or images; null with one class, without resamples, or if nearly all
    /// resamples have the same value.
    pub roc_auc_interval: Option<Interval>,
    /// The average precision; null with one class.
    pub average_precision: Option<f64>,
    /// Its bootstrap interval over slides or images; null with one class, without resamples, or if nearly all
    /// resamples have the same value.
    pub average_precision_interval: Option<Interval>,
    /// The mean of -ln of the probability of the true class.
    pub log_loss: f64,
    /// The mean squared difference of probability and label.
    pub brier: f64,
    /// Matthews' correlation coefficient.
    pub mcc: f64,
    /// Expected calibration error over 15 bins.
    pub ece: f64,
    /// How the intervals were made.
    pub bootstrap: Bootstrap,
    /// What is undefined, and why.
    pub undefined: Vec<Undefined>,
    /// The same at a threshold that was chosen on validation images, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_threshold: Option<AtChosenThreshold>,
}

/// Evaluates predictions.
///
/// # Errors
/// The threshold is not a number from 0 to 1, or the bootstrap's level is not between 0 and 1.
pub fn evaluate(predictions: &Predictions, settings: &EvaluationSettings) -> Result<Evaluation> {
    let EvaluationSettings { threshold, classes, bootstrap } = settings;
    check_threshold(*threshold)?;
    bootstrap.check()?;
    let at = AtThreshold::of(predictions, *threshold, classes, bootstrap.level);
    let mut evaluation = Evaluation {
        images: predictions.len() as u64,
        slides: predictions.slide_count().map(|count| count as u64),
        classes: classes.clone(),
        threshold: *threshold,
        roc_auc: roc_auc(predictions),
        roc_auc_interval: roc_auc_interval(predictions, bootstrap),
        average_precision: PrecisionRecallCurve::of(predictions).map(|curve| curve.average_precision()),
        average_precision_interval: average_precision_interval(predictions, bootstrap),
        log_loss: log_loss(predictions),
        brier: brier(predictions),
        mcc: at.confusion.matthews(),
        ece: calibration_error(predictions),
        bootstrap: *bootstrap,
        undefined: Undefined::of(&at.confusion, classes),
        at,
        chosen_threshold: None,
    };
    evaluation.undefined.extend(missing_intervals(&evaluation));
    Ok(evaluation)
}

/// Checks a decision threshold.
pub(super) fn check_threshold(threshold: f64) -> Result<()> {
    let valid = (0.0..=1.0).contains(&threshold);
    ensure!(valid, "the threshold is {threshold}, but it must be a number from 0 to 1");
    Ok(())
}

/// Areas without an interval although there were resamples: their spread says nothing.
fn missing_intervals(evaluation: &Evaluation) -> Vec<Undefined> {
    let reason = match evaluation.slides {
        Some(1) => "the images are of one slide",
        _ => "nearly all resamples have the same value",
    };
    let areas = [
        ("ROC AUC", evaluation.roc_auc, evaluation.roc_auc_interval),
        ("average precision", evaluation.average_precision, evaluation.average_precision_interval),
    ];
    let missing = areas.into_iter().filter(|(_, area, interval)| area.is_some() && interval.is_none());
    let missing = missing.filter(|_| evaluation.bootstrap.resamples > 0);
    missing.map(|(name, ..)| Undefined::new(format!("interval of {name}"), reason)).collect()
}

impl Evaluation {
    /// Adds the numbers of the same predictions at a threshold that was chosen on other images.
    #[must_use]
    pub fn beside(mut self, chosen: ChosenThreshold, predictions: &Predictions) -> Self {
        let at = AtChosenThreshold::of(predictions, chosen, &self.classes, self.bootstrap.level);
        self.chosen_threshold = Some(at);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::Criterion;

    fn settings() -> EvaluationSettings {
        EvaluationSettings {
            threshold: 0.5,
            classes: ["Non cancerous", "Cancerous"].map(str::to_owned),
            bootstrap: Bootstrap { resamples: 30, ..Bootstrap::default() },
        }
    }

    #[test]
    fn refuses_settings_that_mean_nothing() {
        let predictions = Predictions::new(&[0, 1], &[0.1, 0.9]).unwrap();
        for threshold in [f64::NAN, -0.1, 1.1] {
            let error = evaluate(&predictions, &EvaluationSettings { threshold, ..settings() }).unwrap_err();
            assert!(error.to_string().starts_with("the threshold is "), "{error}");
        }
        let bootstrap = Bootstrap { level: 1.0, ..Bootstrap::default() };
        let error = evaluate(&predictions, &EvaluationSettings { bootstrap, ..settings() }).unwrap_err();
        assert_eq!(error.to_string(), "the confidence level is 1, but it must lie between 0 and 1");
    }

    #[test]
    fn keys_are_in_kebab_case() {
        let predictions = Predictions::new(&[0, 0], &[0.25, 0.75]).unwrap();
        let json = serde_json::to_value(evaluate(&predictions, &settings()).unwrap()).unwrap();
        assert_eq!(json["confusion"], serde_json::json!([[1, 1], [0, 0]]));
        assert_eq!(json["per-class"][0]["class"], "Non cancerous");
        assert_eq!(json["per-class"][0]["support"], 2);
        assert_eq!(json["roc-auc"], serde_json::Value::Null);
        assert_eq!(json["undefined"][0]["value"], "recall of Cancerous");
    }

    #[test]
    fn a_chosen_threshold_is_reported_beside_the_fixed_one() {
        let predictions = Predictions::new(&[0, 1, 1, 1], &[0.1, 0.3, 0.4, 0.9]).unwrap();
        let validation = Predictions::new(&[0, 1], &[0.15, 0.25]).unwrap();
        let chosen = ChosenThreshold::of(&validation, Criterion::Accuracy).unwrap();
        let plain = evaluate(&predictions, &settings()).unwrap();
        assert!(serde_json::to_value(&plain).unwrap().get("chosen-threshold").is_none());
        let beside = plain.clone().beside(chosen, &predictions);
        let json = serde_json::to_value(&beside).unwrap();
        assert_eq!(json["accuracy"], 0.5);
        let at = &json["chosen-threshold"];
        assert_eq!((&at["threshold"], &at["accuracy"]), (&0.2.into(), &1.0.into()));
        assert_eq!((&at["criterion"], &at["validation-images"]), (&"accuracy".into(), &2.into()));
        assert_eq!(at["confusion"], serde_json::json!([[1, 0], [0, 3]]));
        assert_eq!(at["per-class"][1]["recall"], 1.0);
        let text = serde_json::to_string(&beside).unwrap();
        assert_eq!(serde_json::from_str::<Evaluation>(&text).unwrap(), beside);
        assert_eq!(Evaluation { chosen_threshold: None, ..beside }, plain);
    }

    #[test]
    fn perfection_is_not_certainty() {
        let labels: Vec<u8> = (0..28).map(|at| at / 14).collect();
        let predictions =
            Predictions::new(&labels, &labels.iter().map(|&it| f64::from(it)).collect::<Vec<_>>());
        let plain = predictions.unwrap();
        let slides: Vec<u8> = (0..28).map(|at| at / 7).collect();
        let known = plain.clone().of_slides(&slides).unwrap();
        // 14 of 14 images; two slides that are right throughout count as two: 2 / (2 + 1.96^2).
        for (predictions, slides, low) in [(plain, None, 0.7847), (known, Some(4), 0.3424)] {
            let it = evaluate(&predictions, &settings()).unwrap();
            assert_eq!(
                (it.slides, it.at.per_class[1].support, it.at.per_class[1].predicted),
                (slides, 14, 14)
            );
            for ends in [it.at.per_class[1].recall_interval, it.at.per_class[0].precision_interval] {
                let Interval { low: got, high } = ends.unwrap();
                assert!((got - low).abs() < 5e-5 && high == 1.0, "{got}");
            }
            assert!(it.at.accuracy_interval.unwrap().low > low);
            assert_eq!((it.roc_auc, it.roc_auc_interval), (Some(1.0), None));
            assert_eq!(it.undefined[0].value, "interval of ROC AUC");
        }
    }

    proptest! {
        #[test]
        fn survives_json_and_ignores_the_order_of_images(
            images in prop::collection::vec((0..2_u8, 0.0..=1.0_f64), 1..40),
        ) {
            let of = |images: &[(u8, f64)]| {
                let (labels, probabilities): (Vec<_>, Vec<_>) = images.iter().copied().unzip();
                evaluate(&Predictions::new(&labels, &probabilities).unwrap(), &settings()).unwrap()
            };
            let evaluation = of(&images);
            let json = serde_json::to_string(&evaluation).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Evaluation>(&json).unwrap(), &evaluation);

            let reversed = of(&images.iter().rev().copied().collect::<Vec<_>>());
            prop_assert_eq!(evaluation.at.accuracy_interval, reversed.at.accuracy_interval);
            prop_assert_eq!(evaluation.roc_auc_interval, reversed.roc_auc_interval);
            prop_assert_eq!(evaluation.average_precision, reversed.average_precision);
        }

        #[test]
        fn every_number_keeps_its_bounds(images in prop::collection::vec((0..2_u8, 0.0..=1.0_f64), 1..40)) {
            let (labels, probabilities): (Vec<_>, Vec<_>) = images.into_iter().unzip();
            let it = evaluate(&Predictions::new(&labels, &probabilities).unwrap(), &settings()).unwrap();
            let unit = 0.0..=1.0 + 1e-12;
            for value in [it.at.accuracy, it.brier, it.ece, it.at.macro_average.f1, it.at.weighted_average.recall] {
                prop_assert!(unit.contains(&value), "{value}");
            }
            prop_assert!((-1.0 - 1e-12..=1.0 + 1e-12).contains(&it.mcc));
            prop_assert!((0.0..=36.05).contains(&it.log_loss));
            let interval = it.at.accuracy_interval.unwrap();
            prop_assert!(interval.low <= interval.high && unit.contains(&interval.low));
        }
    }
}
