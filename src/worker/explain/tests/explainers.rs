//! Captum's and pytorch-grad-cam's maps of two networks and two sizes of patches
//! (`tests/references/explainers.py`, which names the versions).

use pcamflow::stages::{
    Normalise,
    explain::{DeepLift, GradientShap, GuidedBackprop, InputXGradient, Lrp, LrpRule, Rise, Statistic},
};

use super::*;

/// Of each large map, the reference has every number with an index divisible by this.
const THIN: usize = 61;

/// The references are float64: what remains is the rounding of float32. The definitions allow 1e-3.
const TOLERANCE: f64 = 1e-4;

struct Case {
    name: &'static str,
    reference: Vec<(String, Tensor)>,
    network: Network,
    images: Tensor,
}

impl Case {
    fn get(&self, name: &str) -> Tensor {
        get(&self.reference, &format!("{}.{name}", self.name))
    }

    fn maps(&self, method: &Method) -> Maps {
        let query = Query {
            images: &self.images,
            labels: &[0, 1],
            rows: &[100, 101],
            question: Question { target: Target::Label, score: Score::Logit },
            at_once: 3,
        };
        let side = Side::new(self.images.size()[2] as usize).unwrap();
        let explainer = explainer(method, &self.network, 42, fill(method), side).unwrap();
        explainer.explain(&self.network, &query).unwrap()
    }

    /// Compares maps [2, ...] with the reference.
    fn near(&self, name: &str, got: &[f32]) {
        let wanted = self.get(name);
        let each = got.len() / 2;
        let thin: Vec<f32> = match wanted.numel() == got.len() {
            true => got.to_vec(),
            false => got.chunks(each).flat_map(|map| map.iter().copied().step_by(THIN)).collect(),
        };
        let off = deviation(&thin, &wanted);
        println!("{}.{name}: {off:.1e}", self.name);
        assert!(off <= TOLERANCE, "{}.{name}: {off}", self.name);
    }
}

fn cases() -> [Case; 2] {
    let all = Tensor::read_safetensors(pcamflow::testing::reference("explainers.safetensors")).unwrap();
    ["class-cnn", "resnet"].map(|name| {
        let reference: Vec<_> =
            all.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
        let file = weights(&reference, &format!("{name}.model."));
        let mut network =
            Network::new(&architecture_of(&file).unwrap(), Source::File(file), Device::Cpu).unwrap();
        if name == "resnet" {
            network.normalise(Some(&Normalise { mean: [0.7, 0.5, 0.4], std: [0.2, 0.25, 0.5] }));
        }
        let images =
            get(&reference, &format!("{name}.images")).to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0;
        Case { name, reference, network, images }
    })
}

#[test]
fn every_variant_of_grad_cam_is_that_of_the_package() {
    let variants = [
        ("plus-plus", Variant::PlusPlus),
        ("layer", Variant::Layer),
        ("xgrad", Variant::XGrad),
        ("score-cam", Variant::ScoreCam),
        ("ablation-cam", Variant::AblationCam),
    ];
    for case in cases() {
        let mut compared = 0;
        for (word, variant) in variants {
            let prefix = format!("{}.grad-cam.{word}.", case.name);
            for (name, _) in &case.reference {
                let Some(layer) = name.strip_prefix(&prefix) else { continue };
                let maps = case.maps(&grad_cam(layer, variant));
                case.near(&format!("grad-cam.{word}.{layer}"), &maps.native);
                assert!(difference(&Tensor::from_slice(&maps.logits), &case.get("logit")) < 1e-5);
                compared += 1;
            }
        }
        assert!(compared >= 9, "{compared}");
    }
}

#[test]
fn input_x_gradient_and_statistics_of_noisy_copies_are_captums() {
    for case in cases() {
        let plain = Method::InputXGradient(InputXGradient::default());
        case.near("input-x-gradient", &case.maps(&plain).attribution);
        for statistic in [Statistic::Mean, Statistic::Square, Statistic::Variance] {
            let smooth = Some(Smooth { samples: 4, noise: 0.1, statistic });
            let saliency = case.maps(&Method::Saliency(Saliency { smooth: smooth.clone() }));
            case.near(&format!("saliency.{}", statistic.word()), &saliency.attribution);
            if statistic == Statistic::Variance {
                case.near("saliency.variance.map", &saliency.map);
            }
            let times = case.maps(&Method::InputXGradient(InputXGradient { smooth }));
            case.near(&format!("input-x-gradient.{}", statistic.word()), &times.attribution);
        }
    }
}

#[test]
fn gradient_shap_is_captums_for_the_same_draws() {
    for case in cases() {
        let settings = GradientShap { samples: 6, noise: 0.1, baseline: Baseline::White };
        case.near("gradient-shap", &case.maps(&Method::GradientShap(settings)).attribution);
    }
}

#[test]
fn rise_is_its_formula_for_the_same_masks() {
    for case in cases() {
        let settings = Rise { masks: 20, cells: 4, probability: 0.4 };
        case.near("rise", &case.maps(&Method::Rise(settings)).map);
    }
}

#[test]
fn guided_backprop_is_captums() {
    for case in cases() {
        let method = Method::GuidedBackprop(GuidedBackprop::default());
        case.near("guided-backprop", &case.maps(&method).attribution);
    }
}

#[test]
fn deep_lift_is_captums() {
    for case in cases() {
        for (name, baseline) in [("black", Baseline::Black), ("white", Baseline::Value(1.0))] {
            let maps = case.maps(&Method::DeepLift(DeepLift { baseline }));
            case.near(&format!("deep-lift.{name}"), &maps.attribution);
            assert!(maps.deltas.iter().all(|delta| delta.relative < 1e-5), "{:?}", maps.deltas);
        }
    }
}

#[test]
fn relevance_is_captums_after_the_norms_are_folded() {
    for case in cases() {
        let epsilon = Lrp { epsilon: 1e-3, ..Lrp::default() };
        case.near("lrp.epsilon", &case.maps(&Method::Lrp(epsilon)).attribution);
        let gamma = Lrp { rule: LrpRule::Gamma, epsilon: 1e-6, gamma: 0.25 };
        case.near("lrp.gamma", &case.maps(&Method::Lrp(gamma)).attribution);
    }
}
