//! A plausible comparison for the tests of metrics and pictures.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{
    Baseline, Comparison, Curves, Explained, FaithfulnessSettings, Image, Method, Protocol, fractions,
};
use crate::metrics::{Bootstrap, Localisation, MapRange};

const EXPLANATIONS: [&str; 8] = [
    "grad-cam",
    "saliency",
    "occlusion",
    "integrated-gradients",
    "hires-cam",
    "smooth-grad",
    "occlusion-fine",
    "ig-blur",
];

/// A comparison of some methods on some images, three images per slide. The last method is `random`; with three
/// methods or more, the last two are `random` and `centre`.
pub(crate) fn comparison(images: usize, methods: usize) -> Comparison {
    let images: Vec<Image> = (0..images).map(image).collect();
    let controls: &[&str] = if methods > 2 { &["random", "centre"] } else { &["random"] };
    let explanations = EXPLANATIONS.iter().take(methods - controls.len());
    let explanations =
        explanations.enumerate().map(|(at, label)| method(label, 0.9 - 0.09 * at as f64, &images));
    let controls = controls.iter().zip([0.0, 0.1]).map(|(label, skill)| method(label, skill, &images));
    let methods = explanations.chain(controls).collect();
    let baselines = [("black", 0.02), ("blur", 0.3)].map(|(name, level)| Baseline {
        name: name.to_owned(),
        scores: images.iter().map(|image| level * image.probability).collect(),
    });
    Comparison {
        images,
        methods,
        baselines: baselines.to_vec(),
        protocol: Protocol::Ranked,
        fractions: fractions(9216, 96),
        deletion_baseline: "black".to_owned(),
        insertion_baseline: "blur".to_owned(),
        settings: FaithfulnessSettings {
            threshold: 0.5,
            bootstrap: Bootstrap { resamples: 300, ..Bootstrap::default() },
            centre_box: true,
        },
    }
}

/// A number from 0 to 1 that depends only on its seeds.
fn uniform(seed: u64, stream: u64) -> f64 {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    f64::from(generator.next_u32()) / f64::from(u32::MAX)
}

fn image(at: usize) -> Image {
    let positive = at.is_multiple_of(2);
    let lean = if positive { 0.35 } else { 0.0 };
    Image {
        row: 100 + at as i64,
        positive,
        probability: lean + 0.65 * uniform(1, at as u64),
        explains_positive: true,
        slide: Some(format!("slide_{}", at / 3)),
    }
}

/// A method; `skill` (0 to 1) is how well it finds what the model uses.
fn method(label: &str, skill: f64, images: &[Image]) -> Method {
    let seed = label.bytes().map(u64::from).sum();
    let explained = images.iter().enumerate().map(|(at, image)| {
        let knows = skill * (0.6 + 0.4 * uniform(seed, at as u64));
        let localised = image.positive.then(|| localised(knows, label == "centre", 1.0 / 9.0, at));
        let chance = 0.04 + 0.1 * uniform(5, at as u64);
        Explained {
            map: MapRange::Varied { low: -0.5, high: 1.0 },
            curves: Some(curves(image.probability, knows)),
            centre_box: localised,
            mask: image.positive.then(|| self::localised(knows, label == "centre", chance, at + 1)),
        }
    });
    let control = ["random", "centre"].contains(&label);
    Method { label: label.to_owned(), control, explained: explained.collect() }
}

fn curves(probability: f64, knows: f64) -> Curves {
    let (fast, slow) = (1.0 + 14.0 * knows, 1.0 + 3.0 * knows);
    let fractions = fractions(9216, 96);
    let falls = |at: f64| probability * (1.0 - at) * (-fast * at).exp();
    let rises = |at: f64| probability * (0.3 + 0.7 * (1.0 - (1.0 - at).powf(slow)));
    Curves {
        deletion: fractions.iter().map(|&at| falls(at)).collect(),
        insertion: fractions.iter().map(|&at| rises(at)).collect(),
    }
}

fn localised(knows: f64, centre: bool, chance: f64, at: usize) -> Localisation {
    let better = |share: f64| chance + (1.0 - chance) * share;
    Localisation {
        energy: (!centre).then(|| better(0.3 * knows)),
        pointing: centre || uniform(9, at as u64) < better(0.8 * knows),
        rank: if centre { better(0.4) } else { better(0.45 * knows) },
        chance,
    }
}
