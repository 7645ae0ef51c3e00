//! Networks against PyTorch's numbers, and weights files with mistakes.

use super::{
    testing::{
        architecture_of, difference, explained_references, get, load_model, named_outputs, noisy_patches,
        saved, tiny_network, weights,
    },
    *,
};
use std::collections::BTreeMap;

use pcamflow::testing::{reference as reference_path, shared};
use sha2::{Digest, Sha256};
use tch::Kind;

#[test]
fn initialisation_is_pytorchs_bit_for_bit() {
    let read = |path| -> serde_json::Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let digests = |tensors: &serde_json::Value, of: &dyn Fn(&serde_json::Value) -> String| {
        let tensors = tensors.as_object().unwrap();
        tensors.iter().map(|(name, value)| (name.clone(), of(value))).collect::<BTreeMap<_, _>>()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let own = read(reference_path("init.json"));
    let own = own.as_array().unwrap();
    assert_eq!(own.len(), 6);
    for case in own {
        let architecture: Architecture = toml::from_str(&text(&case["architecture"])).unwrap();
        let state = seeded_digests(&architecture, case["seed"].as_u64().unwrap());
        assert_eq!(state, digests(&case["tensors"], &text), "{architecture:?}");
    }
    let Some(path) = shared("oracle/init.json") else { return };
    let wanted = digests(&read(path)["tensors"], &|value| text(&value["sha256"]));
    assert_eq!(seeded_digests(&Architecture::ClassCnn(Default::default()), 42), wanted);
}

fn seeded_digests(architecture: &Architecture, seed: u64) -> BTreeMap<String, String> {
    let network = Network::new(architecture, Source::Seed(seed), Device::Cpu).unwrap();
    let digest = |tensor: Tensor| {
        let mut bytes = vec![0; tensor.numel() * 4];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    network.state().into_iter().map(|(name, tensor)| (name, digest(tensor))).collect()
}

fn reference_patches(reference: &[(String, Tensor)]) -> Tensor {
    get(reference, "images").to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0
}

#[test]
fn logits_are_pytorchs_within_1e_5() {
    explained_references().iter().for_each(|reference| logits_are_those_of(reference));
}

fn logits_are_those_of(reference: &[(String, Tensor)]) {
    let file = weights(reference, "model.");
    let network = Network::new(&architecture_of(&file).unwrap(), Source::File(file), Device::Cpu).unwrap();
    let patches = reference_patches(reference);
    let wanted = get(reference, "logit");
    for patches in [patches.contiguous(), patches] {
        let forward = network.forward_with_taps(&patches, None);
        assert!(difference(&forward.logits, &wanted) < 1e-5);
        assert!(difference(&network.forward(&patches).unwrap(), &wanted) < 1e-5);
    }
}

#[test]
fn every_named_layer_is_kept_with_its_own_output() {
    let network = tiny_network(1);
    let forward = named_outputs(&network, &noisy_patches(2, 1));
    let tap = |name| forward.tap(name).unwrap();
    assert_eq!(tap("relu4"), &tap("bn4").relu());
    assert_eq!(tap("pool1"), &tap("relu2").max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false));
    assert_eq!(tap("pool3"), &tap("relu4").adaptive_avg_pool2d([6, 6]));
    assert_eq!(tap("conv3").size(), [2, 4, 48, 48]);
}

#[test]
fn a_leaf_gets_the_gradient_and_earlier_layers_do_not() {
    let network = tiny_network(1);
    let patches = noisy_patches(2, 1);
    let forward = network.forward_with_taps(&patches, Some("relu4"));
    let leaf = forward.tap("relu4").unwrap();
    let gradient = Tensor::run_backward(&[forward.logits.sum(Kind::Float)], &[leaf], false, false);
    assert_eq!(gradient[0].size(), [2, 5, 24, 24]);
    assert!(gradient[0].abs().max().double_value(&[]) > 0.0);
    assert!(!forward.tap("bn4").unwrap().requires_grad());
    assert_eq!(forward.logits, network.plain(&patches, Mode::Inference));
    assert!(difference(&forward.logits, &network.forward(&patches).unwrap()) < 1e-6);
}

#[test]
fn a_model_comes_back_from_its_file_with_its_architecture() {
    let folder = tempfile::tempdir().unwrap();
    let network = tiny_network(3);
    let loaded = load_model(&saved(&network, folder.path()), Device::Cpu).unwrap();
    assert_eq!(loaded.architecture(), network.architecture());
    let patches = noisy_patches(3, 2);
    assert_eq!(loaded.forward(&patches).unwrap(), network.forward(&patches).unwrap());
}

#[test]
fn files_without_a_network_have_different_errors() {
    let state = tiny_network(1).state();
    let error = |change: &dyn Fn(&mut Named)| {
        let mut state = state.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
        change(&mut state);
        let bytes = crate::tensors::to_bytes(&state, None).unwrap();
        let file = crate::tensors::TensorFile::parse("m.safetensors", &bytes).unwrap();
        let network = architecture_of(&file)
            .and_then(|architecture| Network::new(&architecture, Source::File(file), Device::Cpu));
        format!("{:#}", network.unwrap_err())
    };
    let missing = error(&|state| drop(state.remove("bn2.running_var")));
    let wanted = "m.safetensors does not fit the network: 1 tensor is missing: `bn2.running_var`";
    assert_eq!(missing, wanted);
    let other = error(&|state| drop(state.remove("conv1.weight")));
    assert!(other.starts_with("m.safetensors holds no network that pcamflow knows"), "{other}");
    let narrow = error(&|state| drop(state.insert("conv2.bias".into(), Tensor::from_slice(&[1f32]))));
    let wanted = "m.safetensors does not fit the network: 1 tensor has another shape: `conv2.bias` has the shape \
                  [1], and the network needs [3]";
    assert_eq!(narrow, wanted);
    let more = error(&|state| drop(state.insert("fc3.bias".into(), Tensor::from_slice(&[1f32]))));
    assert_eq!(more, "m.safetensors does not fit the network: 1 tensor is left over: `fc3.bias`");
}
