//! Plausible predictions for the tests of pictures and texts.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::metrics::{
    Bootstrap, ChosenThreshold, Criterion, Evaluation, EvaluationSettings, Predictions, evaluate,
};

/// The predictions of a rather good classifier.
pub(super) fn predictions(images: u32) -> Predictions {
    let mut generator = ChaCha8Rng::seed_from_u64(7);
    let mut uniform = || f64::from(generator.next_u32()) / f64::from(u32::MAX);
    let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
    for _ in 0..images {
        let positive = uniform() < 0.45;
        let spread = uniform() + uniform() + uniform() + uniform() - 2.0;
        let logit: f64 = 3.2 * spread + if positive { 1.5 } else { -1.3 };
        labels.push(positive.into());
        probabilities.push(1.0 / (1.0 + (-logit).exp()));
    }
    Predictions::new(&labels, &probabilities).unwrap()
}

/// The evaluation of these predictions.
pub(super) fn evaluation(images: u32) -> Evaluation {
    evaluation_of(&predictions(images))
}

/// The evaluation of any predictions under the usual settings.
pub(super) fn evaluation_of(predictions: &Predictions) -> Evaluation {
    let settings = EvaluationSettings {
        threshold: 0.5,
        classes: ["Non-cancerous", "Cancerous"].map(str::to_owned),
        bootstrap: Bootstrap { resamples: 500, ..Bootstrap::default() },
    };
    evaluate(predictions, &settings).unwrap()
}

/// The evaluation of any predictions, with a threshold chosen on 300 others.
pub(super) fn beside_a_chosen_threshold(images: &Predictions) -> Evaluation {
    let chosen = ChosenThreshold::of(&predictions(300), Criterion::Accuracy).unwrap();
    evaluation_of(images).beside(chosen, images)
}
