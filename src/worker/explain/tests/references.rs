//! PyTorch's and Captum's maps of the same network and patches.

use pcamflow::stages::explain::Rule;

use super::*;

struct Case {
    reference: Vec<(String, Tensor)>,
    network: Network,
    images: Tensor,
}

fn case() -> Option<Case> {
    let reference = reference("explain.safetensors")?;
    let file = weights(&reference, "model.");
    let network = Network::new(&architecture_of(&file).unwrap(), Source::File(file), Device::Cpu).unwrap();
    let images = get(&reference, "images").to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0;
    Some(Case { reference, network, images })
}

/// Compares maps. The tolerance of the definitions is 1e-3; float32 sums in another order give 1e-5.
fn near(case: &Case, name: &str, got: &[f32]) {
    let deviation = deviation(got, &get(&case.reference, name));
    println!("{name}: {deviation:.1e}");
    assert!(deviation <= 1e-4, "{name}: {deviation}");
}

impl Case {
    fn maps(&self, method: &Method) -> Maps {
        explained(method, &self.network, &self.images, &[1; 8], LOGIT)
    }
}

#[test]
fn every_grad_cam_is_pytorchs() {
    let Some(Case { reference, network, images }) = case() else { return };
    let mut compared = 0;
    for (name, wanted) in &reference {
        let (layer, variant) = match name.split_once('.') {
            Some(("grad-cam", "relu4.upsampled")) => ("relu4", Variant::Plain),
            Some(("grad-cam", layer)) => (layer, Variant::Plain),
            Some(("hires-cam", layer)) => (layer, Variant::HiRes),
            _ => continue,
        };
        let maps = explained(&grad_cam(layer, variant), &network, &images, &[1; 8], LOGIT);
        let got = if name.ends_with("upsampled") { &maps.map } else { &maps.native };
        let deviation = deviation(got, wanted);
        println!("{name}: {deviation:.1e}");
        assert!(deviation <= 1e-3, "{name}: {deviation}");
        assert!(difference(&Tensor::from_slice(&maps.logits), &get(&reference, "logit")) < 1e-5);
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn saliency_is_captums_and_its_attribution_the_gradient() {
    let Some(case) = case() else { return };
    let maps = case.maps(&Method::Saliency(Saliency { smooth: None }));
    near(&case, "saliency", &maps.map);
    near(&case, "gradient", &maps.attribution);
}

#[test]
fn every_occlusion_is_captums() {
    let Some(case) = case() else { return };
    for (name, window, stride, baseline) in [
        ("occlusion", 16, 8, Baseline::Black),
        ("occlusion.w15", 15, 8, Baseline::Black),
        ("occlusion.w20s12", 20, 12, Baseline::Value(0.0)),
        ("occlusion.white", 16, 8, Baseline::White),
    ] {
        near(&case, name, &case.maps(&Method::Occlusion(Occlusion { window, stride, baseline })).map);
    }
}

#[test]
fn every_integrated_gradient_is_captums_with_its_delta() {
    let Some(case) = case() else { return };
    for (name, rule, baseline) in [
        ("ig.gauss-legendre", Rule::GaussLegendre, Baseline::Black),
        ("ig.midpoint", Rule::Midpoint, Baseline::Black),
        ("ig.white", Rule::GaussLegendre, Baseline::Value(1.0)),
    ] {
        let settings = IntegratedGradients { rule, baseline, ..Default::default() };
        let maps = case.maps(&Method::IntegratedGradients(settings));
        near(&case, name, &maps.attribution);
        let channels = get(&case.reference, name).sum_dim_intlist([1].as_slice(), false, Kind::Float);
        assert!(deviation(&maps.map, &channels) <= 1e-4, "{name}");
        let deltas: Vec<f64> = maps.deltas.iter().map(|it| it.delta).collect();
        let off = difference(&Tensor::from_slice(&deltas), &get(&case.reference, &format!("{name}.delta")));
        println!("{name}.delta: {off:.1e}");
        // float32 logits of about 1, and sums of thousands of float32 gradients.
        assert!(off <= 1e-4, "{name}: {off}");
    }
}

#[test]
fn more_steps_are_more_complete_until_the_tolerance_is_met() {
    let Some(case) = case() else { return };
    let of = |steps, tolerance| {
        let settings = IntegratedGradients { steps: Steps::Count(steps), tolerance, ..Default::default() };
        let images = case.images.narrow(0, 1, 3);
        explained(&Method::IntegratedGradients(settings), &case.network, &images, &[1; 3], LOGIT).deltas
    };
    let (few, enough) = (of(4, None), of(4, Some(0.1)));
    assert!(few.iter().all(|it| it.steps == 4));
    for (few, enough) in few.iter().zip(&enough) {
        if few.relative <= 0.1 {
            assert_eq!(few, enough);
        } else {
            assert!(enough.steps > 4, "{few:?} {enough:?}");
            assert!(enough.relative <= 0.1 || enough.steps == 800, "{enough:?}");
        }
    }
    println!("{few:?} {enough:?}");
    assert!(few.iter().any(|it| it.relative > 0.1), "{few:?}");
}
