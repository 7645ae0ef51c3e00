//! Densely connected networks against torchvision, and against an own network of PyTorch with turned filters
//! (`tests/references/densenets.py`).

use pcamflow::{stages::architecture::Architecture, testing::reference};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::model::{
    Network, Source,
    testing::{architecture_of, difference, get, weights},
};

/// A network of the reference.
struct Case {
    name: &'static str,
    reference: Vec<(String, Tensor)>,
    network: Network,
    patches: Tensor,
}

impl Case {
    fn new(name: &'static str) -> Self {
        let reference = Tensor::read_safetensors(reference("densenets.safetensors")).unwrap();
        let file = weights(&reference, &format!("{name}.model."));
        let architecture = architecture_of(&file).unwrap();
        let network = Network::new(&architecture, Source::File(file), Device::Cpu).unwrap();
        let side = if name == "torchvision" { 64 } else { 50 };
        let images = get(&reference, &format!("images.{side}"));
        let patches = images.to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0;
        Self { name, reference, network, patches }
    }

    fn get(&self, name: &str) -> Tensor {
        get(&self.reference, &format!("{}.{name}", self.name))
    }
}

fn cases() -> [Case; 4] {
    ["torchvision", "none", "p4", "p4m"].map(Case::new)
}

/// The largest difference, relative to the largest number of the reference.
fn relative(ours: &Tensor, theirs: &Tensor) -> f64 {
    difference(ours, theirs) / theirs.abs().max().double_value(&[])
}

#[test]
fn initialisation_is_torchvisions_bit_for_bit() {
    let cases: serde_json::Value =
        serde_json::from_slice(&std::fs::read(reference("densenets.json")).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let architecture: Architecture = toml::from_str(case["architecture"].as_str().unwrap()).unwrap();
        let seed = case["seed"].as_u64().unwrap();
        let network = Network::new(&architecture, Source::Seed(seed), Device::Cpu).unwrap();
        let mut whole = Sha256::new();
        for tensor in network.state().into_values() {
            let mut bytes = vec![0; tensor.numel() * 4];
            tensor.copy_data_u8(&mut bytes, tensor.numel());
            whole.update(&bytes);
        }
        let digest: String = whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, case["digest"].as_str().unwrap(), "{architecture:?}");
    }
}

#[test]
fn logits_and_gradients_are_those_of_the_reference() {
    for case in cases() {
        let wanted = case.get("logit");
        for patches in [case.patches.contiguous(), case.patches.shallow_clone()] {
            let forward = case.network.forward_with_taps(&patches, None);
            assert!(difference(&forward.logits, &wanted) < 1e-5, "{}", case.name);
            assert!(difference(&case.network.forward(&patches).unwrap(), &wanted) < 1e-5, "{}", case.name);
        }
        let slope = case.network.slope(&case.patches, None).unwrap();
        // The reference keeps every 11th number of an image.
        let thin = slope.gradient.contiguous().view([2, -1]).slice(1, None, None, 11);
        let off = relative(&thin, &case.get("gradient"));
        assert!(off < 1e-3, "{}: {off}", case.name);
        let slope = case.network.slope(&case.patches, Some("features.relu5")).unwrap();
        let weight = slope.gradient.mean_dim([2, 3].as_slice(), true, Kind::Float);
        let map = (weight * slope.map).sum_dim_intlist([1].as_slice(), false, Kind::Float).relu();
        let off = relative(&map, &case.get("grad-cam.features.relu5"));
        assert!(off < 1e-3, "{}: {off}", case.name);
    }
}

/// The reference is float64.
#[test]
fn a_step_of_training_has_the_logits_and_gradients_of_the_reference() {
    for case in cases() {
        let mut pass = case.network.learn(&case.patches).unwrap();
        let off = relative(&pass.logits, &case.get("learning.logit"));
        assert!(off < 1e-4, "{}: {off}", case.name);
        let gradients = pass.backward(&Tensor::from_slice(&[0.3f32, -0.2])).unwrap();
        let running = &case.network.state()["features.norm5.running_var"];
        assert!(relative(running, &case.get("learning.running_var")) < 1e-5, "{}", case.name);
        // A gradient may be 0 but for rounding: differences are relative to the largest number of all.
        let wanted: Vec<Tensor> =
            case.network.parameters().iter().map(|(name, _)| case.get(&format!("learning.{name}"))).collect();
        let largest = wanted.iter().map(|it| it.abs().max().double_value(&[])).fold(0.0, f64::max);
        for (((name, _), got), wanted) in case.network.parameters().iter().zip(&gradients).zip(&wanted) {
            let scale = wanted.abs().max().double_value(&[]).max(1e-3 * largest);
            let off = difference(got, wanted) / scale;
            assert!(off < 1e-3, "{} {name}: {off}", case.name);
        }
    }
}
