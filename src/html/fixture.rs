//! A small report for the tests of the page, with text that would break a page that does not escape.

use super::{
    Compared, Evaluated, Explained, ExplainedBy, Frame, Patch, Picture, Randomised, Report, Stage, Training,
};
use crate::metrics::{
    Bootstrap, Epoch, EvaluationSettings, History, Predictions, calibration_bins, evaluate,
    faithfulness::{ImageScores, Truth, best, faithfulness, fixture::comparison},
    sanity::{Depth, Randomisation, RandomisedImage, Remade, sanity},
};

/// Text that must not become markup.
pub(super) const EVIL: &str = "<script>alert('x')</script>\"&";

pub(super) fn evaluated() -> Evaluated {
    let predictions: Vec<(u8, f64)> =
        (0..100).map(|at| ((at % 2) as u8, f64::from(at % 2) * 0.6 + f64::from(at) / 250.0)).collect();
    let (labels, probabilities): (Vec<u8>, Vec<f64>) = predictions.iter().copied().unzip();
    let settings = EvaluationSettings {
        threshold: 0.5,
        classes: ["healthy".into(), EVIL.into()],
        bootstrap: Bootstrap { resamples: 50, ..Bootstrap::default() },
    };
    let checked = Predictions::new(&labels, &probabilities).unwrap();
    Evaluated {
        stage: "evaluate.test".into(),
        model: "train.a".into(),
        images: EVIL.into(),
        frame: None,
        numbers: evaluate(&checked, &settings).unwrap(),
        calibration: calibration_bins(&checked, 0.95),
        predictions,
        pictures: vec![(EVIL.into(), Picture::Svg(b"<svg/>".to_vec()))],
        mistakes: vec![],
        color_auc: Some(0.6),
    }
}

fn explained() -> Explained {
    let patch = |row: i64, label: u8, probability: f64| Patch {
        row,
        label,
        probability,
        png: Some(vec![1, 2, 3]),
        mask: Some("M0 0L1 0L1 1Z".into()),
        maps: vec![Some((vec![4, 5], 0.5))],
        measures: vec![vec![("deletion-auc".into(), 0.25)]],
        curves: vec![Some([vec![1.0, 0.0], vec![0.0, 1.0]])],
    };
    let method = ExplainedBy {
        stage: EVIL.into(),
        method: "grad-cam".into(),
        target: "tumor".into(),
        settings: EVIL.into(),
        means: [Some(vec![1]), None],
        scale: 1.0,
        odd: vec![7],
    };
    Explained {
        model: EVIL.into(),
        images: EVIL.into(),
        frame: Frame { side: 96, centre_box: Some(32) },
        methods: vec![method],
        patches: vec![patch(1, 1, 0.9), patch(2, 0, 0.1), patch(3, 0, 0.8)],
        explained: 3,
        threshold: 0.5,
    }
}

/// A comparison of three methods and two controls on 24 images.
pub(super) fn compared() -> Compared {
    let result = faithfulness(&comparison(24, 5)).unwrap();
    let best = best(&result.summary, &result.images);
    Compared { stage: "metrics.m".into(), summary: result.summary, best, pictures: vec![] }
}

/// The numbers of one image that has a true mask.
pub(super) fn image_scores() -> ImageScores {
    let images = faithfulness(&comparison(24, 3)).unwrap().images;
    images.into_iter().find(|line| line.mask_rank.is_some()).unwrap()
}

/// A randomisation test of two patches and one layer.
pub(super) fn randomised() -> Randomised {
    let maps = [[4.0, 3.0, 2.0, 1.0], [1.0, 3.0, 2.0, 4.0]];
    let depth = |layer: Option<&str>, other: [f32; 4]| Depth {
        layer: layer.map(str::to_owned),
        maps: maps.iter().map(|map| Remade::of(map, &other, None).unwrap()).collect(),
    };
    let image = |row: i64| RandomisedImage { row, positive: true, slide: None, centre: None };
    let numbers = sanity(&Randomisation {
        images: vec![image(1), image(2)],
        depths: vec![depth(None, maps[0]), depth(Some(EVIL), [1.0; 4])],
        truth: Some(Truth::CentreBox),
        bootstrap: Bootstrap { resamples: 50, ..Bootstrap::default() },
    });
    Randomised { stage: "sanity.s".into(), numbers, pictures: vec![] }
}

pub(super) fn report() -> Report {
    let epoch = Epoch {
        epoch: 1,
        train_loss: 0.5,
        train_accuracy: 0.8,
        validation_loss: 0.6,
        validation_accuracy: 0.7,
        learning_rate: Some(5e-4),
    };
    Report {
        name: EVIL.into(),
        file: EVIL.into(),
        version: "0".into(),
        commit: Some(EVIL.into()),
        classes: ["healthy".into(), EVIL.into()],
        stages: vec![Stage {
            name: EVIL.into(),
            record: None,
            outdated: Some(EVIL.into()),
            ran: false,
            inputs: vec![(EVIL.into(), EVIL.into())],
            log: EVIL.into(),
        }],
        leaks: vec![EVIL.into()],
        trainings: vec![Training {
            stage: EVIL.into(),
            history: History { epochs: vec![epoch] },
            resumed_at: None,
            picture: None,
            seconds: Some(1.0),
            patches: Some(10),
            parameters: Some(1234),
        }],
        evaluations: vec![evaluated()],
        explanations: vec![explained()],
        comparisons: vec![compared()],
        sanities: vec![randomised()],
        texts: vec![(EVIL.into(), EVIL.into())],
        commands: vec![EVIL.into()],
        gaps: vec![EVIL.into()],
        ..Report::default()
    }
}
