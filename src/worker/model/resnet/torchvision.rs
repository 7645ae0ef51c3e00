//! torchvision's layouts, narrow, against torchvision itself (`tests/references/resnets.safetensors`).

use tch::{Device, Kind, Tensor};

use crate::model::{
    Mode, Network, Source,
    testing::{
        architecture_of, as_if_trained, difference, get, imagenet_resnets, named_outputs, noisy_patches,
        weights,
    },
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
        let path = pcamflow::testing::reference("resnets.safetensors");
        let reference = Tensor::read_safetensors(path).unwrap();
        let file = weights(&reference, &format!("{name}.model."));
        let network =
            Network::new(&architecture_of(&file).unwrap(), Source::File(file), Device::Cpu).unwrap();
        let patches = get(&reference, "images").to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0;
        Self { name, reference, network, patches }
    }

    fn get(&self, name: &str) -> Tensor {
        get(&self.reference, &format!("{}.{name}", self.name))
    }
}

/// The largest difference, relative to the largest number of the reference.
fn relative(ours: &Tensor, theirs: &Tensor) -> f64 {
    difference(ours, theirs) / theirs.abs().max().double_value(&[])
}

fn cases() -> [Case; 2] {
    ["resnet18", "resnet50"].map(Case::new)
}

#[test]
fn logits_and_maps_are_torchvisions() {
    for case in cases() {
        let wanted = case.get("logit");
        for patches in [case.patches.contiguous(), case.patches.shallow_clone()] {
            let forward = case.network.forward_with_taps(&patches, None);
            assert!(difference(&forward.logits, &wanted) < 1e-5, "{}", case.name);
            assert!(difference(&case.network.forward(&patches).unwrap(), &wanted) < 1e-5, "{}", case.name);
            assert!(relative(forward.tap("layer3").unwrap(), &case.get("layer3")) < 1e-5, "{}", case.name);
            assert_eq!(forward.tap("maxpool").unwrap().size(), [2, 3, 24, 24]);
            assert_eq!(forward.tap("layer4").unwrap().size()[2..], [3, 3]);
        }
    }
}

#[test]
fn gradients_are_torchvisions() {
    for case in cases() {
        let slope = case.network.slope(&case.patches, None).unwrap();
        // The reference keeps every 11th number of an image.
        let thin = slope.gradient.contiguous().view([2, -1]).slice(1, None, None, 11);
        assert!(relative(&thin, &case.get("gradient")) < 1e-3, "{}", case.name);
        let slope = case.network.slope(&case.patches, Some("layer4")).unwrap();
        let weight = slope.gradient.mean_dim([2, 3].as_slice(), true, Kind::Float);
        let map = (weight * slope.map).sum_dim_intlist([1].as_slice(), false, Kind::Float).relu();
        assert!(relative(&map, &case.get("grad-cam.layer4")) < 1e-3, "{}", case.name);
    }
}

/// The reference is float64.
#[test]
fn a_step_of_training_has_torchvisions_logits_and_gradients() {
    for case in cases() {
        let mut pass = case.network.learn(&case.patches).unwrap();
        assert!(relative(&pass.logits, &case.get("learning.logit")) < 1e-4, "{}", case.name);
        let gradients = pass.backward(&Tensor::from_slice(&[0.3f32, -0.2])).unwrap();
        let of = case.network.parameters().into_iter().zip(gradients);
        let compared = of.filter_map(|((name, _), gradient)| {
            let wanted = format!("{}.learning.{name}", case.name);
            let theirs = case.reference.iter().find(|(name, _)| *name == wanted)?;
            let off = relative(&gradient, &theirs.1);
            assert!(off < 1e-3, "{wanted}: {off}");
            Some(())
        });
        assert_eq!(compared.count(), 5);
    }
}

/// By our kernels and by libtorch's graph, at a map before the pooling, after it, and inside a bottleneck.
#[test]
fn gradients_by_every_layer_are_those_of_the_plain_formulation() {
    for network in imagenet_resnets(6).map(as_if_trained) {
        let patches = noisy_patches(2, 3);
        for layer in network.architecture().layers() {
            let ours = network.slope(&patches, Some(&layer)).unwrap();
            let plain = network.forward_with_taps(&patches, Some(&layer));
            let tap = plain.tap(&layer).unwrap();
            let wanted = Tensor::run_backward(&[plain.logits.sum(Kind::Float)], &[tap], false, false);
            assert!(relative(&ours.map, &tap.detach()) < 1e-5, "{layer}");
            assert!(relative(&ours.gradient, &wanted[0]) < 1e-4, "{layer}");
        }
    }
}

#[test]
fn every_named_layer_is_kept_with_its_own_output() {
    for network in imagenet_resnets(6) {
        let forward = named_outputs(&network, &noisy_patches(1, 1));
        let tap = |name| forward.tap(name).unwrap();
        let pooled = tap("relu1").max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        assert_eq!(tap("maxpool"), &pooled);
        assert_eq!(forward.logits, network.plain(&noisy_patches(1, 1), Mode::Inference));
    }
}
