//! Tests of the whole module against the reference results (PyTorch, scikit-learn).

use std::{collections::BTreeMap, fs};

use safetensors::SafeTensors;
use serde::Deserialize;

use super::*;
use crate::testing::{references, shared};

#[derive(Deserialize)]
struct Case {
    labels: Vec<u8>,
    probabilities: Vec<f64>,
    threshold: f64,
    confusion: [[u64; 2]; 2],
    accuracy: f64,
    precision: [f64; 2],
    recall: [f64; 2],
    f1: [f64; 2],
    support: [u64; 2],
    classification_report: String,
    brier: f64,
    log_loss: f64,
    mcc: f64,
    ece15: f64,
    roc_auc: Option<f64>,
    average_precision: Option<f64>,
    roc: Option<Roc>,
}

#[derive(Deserialize)]
struct Roc {
    fpr: Vec<f64>,
    tpr: Vec<f64>,
}

fn close(name: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{name}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-12, "{name}: {got}, not {expected}");
    }
}

#[test]
fn agrees_with_scikit_learn_to_1e_12() {
    for path in references(&["evaluate.json"], "evaluate.json") {
        let cases: BTreeMap<String, Case> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert!(cases.len() >= 4);
        cases.into_iter().for_each(|(name, case)| agrees(&name, case));
    }
}

fn agrees(name: &str, case: Case) {
    let predictions = Predictions::new(&case.labels, &case.probabilities).unwrap();
    let settings = EvaluationSettings {
        threshold: case.threshold,
        classes: ["Non cancerous", "Cancerous"].map(str::to_owned),
        bootstrap: Bootstrap { resamples: 200, ..Bootstrap::default() },
    };
    let got = evaluate(&predictions, &settings).unwrap();
    assert_eq!(got.at.confusion.counts, case.confusion, "{name}");
    assert_eq!(got.at.per_class.each_ref().map(|class| class.support), case.support, "{name}");
    close(name, &got.at.per_class.each_ref().map(|class| class.precision), &case.precision);
    close(name, &got.at.per_class.each_ref().map(|class| class.recall), &case.recall);
    close(name, &got.at.per_class.each_ref().map(|class| class.f1), &case.f1);
    close(
        name,
        &[got.at.accuracy, got.brier, got.log_loss, got.mcc, got.ece],
        &[case.accuracy, case.brier, case.log_loss, case.mcc, case.ece15],
    );
    close(name, got.roc_auc.as_slice(), case.roc_auc.as_slice());
    close(name, got.average_precision.as_slice(), case.average_precision.as_slice());
    assert_eq!(classification_report(&got.at.confusion, &settings.classes), case.classification_report);
    assert_eq!(got.roc_auc.is_none(), got.undefined.iter().any(|it| it.value == "ROC AUC"), "{name}");
    match (RocCurve::of(&predictions), case.roc) {
        (Some(curve), Some(roc)) => {
            close(name, &curve.false_positive_rate, &roc.fpr);
            close(name, &curve.true_positive_rate, &roc.tpr);
        }
        (curve, roc) => assert_eq!(curve.is_some(), roc.is_some(), "{name}"),
    }
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), safetensors::Dtype::F32, "{name}");
    tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

/// The map that each method's localisation was taken of, [8, 96, 96].
fn maps(tensors: &SafeTensors<'_>, method: &str) -> Vec<f32> {
    match method {
        "grad-cam" => floats(tensors, "grad-cam.relu4.upsampled"),
        "ig" => {
            let channels = floats(tensors, "ig.gauss-legendre");
            let images = channels.chunks_exact(3 * 9216);
            images.flat_map(|it| (0..9216).map(|i| it[i] + it[9216 + i] + it[2 * 9216 + i])).collect()
        }
        other => floats(tensors, other),
    }
}

#[test]
fn localises_like_the_reference() {
    let Some(path) = shared("oracle/explain.safetensors") else { return };
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for method in ["grad-cam", "saliency", "occlusion", "ig"] {
        let of = |name: &str| tensors.tensor(&format!("localisation.{method}.{name}")).unwrap();
        let energy = floats(&tensors, &format!("localisation.{method}.energy"));
        let rank = floats(&tensors, &format!("localisation.{method}.rank"));
        let pointing = of("pointing").data().chunks_exact(8).map(|bytes| bytes[0] == 1);
        let maps = maps(&tensors, method);
        for (image, pointing) in pointing.enumerate() {
            let map = &maps[image * 9216..][..9216];
            let got = Localisation::of(map, &Region::centre(crate::side::Side::PCAM, 32)).unwrap();
            // The reference is stored in float32, and summed in it.
            let positive = MapRange::of(map) != MapRange::Zero;
            assert_eq!(got.energy.is_some(), positive, "{method} {image}");
            let difference = got.energy.unwrap_or(0.0) - f64::from(energy[image]);
            assert!(difference.abs() < 1e-5, "{method} {image}: energy off by {difference}");
            assert_eq!(got.pointing, pointing, "{method} {image}");
            assert_eq!(got.rank as f32, rank[image], "{method} {image}");
        }
    }
}
