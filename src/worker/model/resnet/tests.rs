//! The residual network against PyTorch 2.11, whose numbers this script printed:
//!
//! ```python
//! import hashlib, torch
//! from torch import nn
//!
//! class BasicBlock(nn.Module):
//!     def __init__(self, inplanes, planes, stride=1, downsample=None):
//!         super().__init__()
//!         self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
//!         self.bn1 = nn.BatchNorm2d(planes)
//!         self.relu = nn.ReLU()
//!         self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
//!         self.bn2 = nn.BatchNorm2d(planes)
//!         self.downsample = downsample
//!
//!     def forward(self, x):
//!         out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
//!         return self.relu(out + (x if self.downsample is None else self.downsample(x)))
//!
//! class ResNet(nn.Module):
//!     def __init__(self, stages, width):
//!         super().__init__()
//!         self.conv1 = nn.Conv2d(3, width, 3, 2, 1, bias=False)
//!         self.bn1 = nn.BatchNorm2d(width)
//!         self.relu = nn.ReLU()
//!         self.inplanes = width
//!         self.stages = [f"layer{at + 1}" for at in range(len(stages))]
//!         for at, blocks in enumerate(stages):
//!             setattr(self, self.stages[at], self._make_layer(width << at, blocks, 2 if at else 1))
//!         self.avgpool = nn.AdaptiveAvgPool2d(1)
//!         self.fc = nn.Linear(self.inplanes, 1)
//!
//!     def _make_layer(self, planes, blocks, stride):
//!         downsample = None
//!         if stride != 1:
//!             downsample = nn.Sequential(nn.Conv2d(self.inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
//!         layers = [BasicBlock(self.inplanes, planes, stride, downsample)]
//!         self.inplanes = planes
//!         layers += [BasicBlock(planes, planes) for _ in range(1, blocks)]
//!         return nn.Sequential(*layers)
//!
//!     def forward(self, x):
//!         x = self.relu(self.bn1(self.conv1(x)))
//!         for stage in self.stages:
//!             x = getattr(self, stage)(x)
//!         return self.fc(self.avgpool(x).flatten(1)).squeeze(1)
//!
//! def state(model):
//!     return {name: tensor for name, tensor in sorted(model.state_dict().items()) if "num_batches" not in name}
//!
//! def digest(model):
//!     whole = hashlib.sha256()
//!     for tensor in state(model).values():
//!         whole.update(tensor.numpy().tobytes())
//!     return whole.hexdigest()
//!
//! torch.manual_seed(42)
//! print("init", digest(ResNet([2, 2, 2], 16)))
//! torch.manual_seed(7)
//! print("init", digest(ResNet([1, 2], 4)))
//! def noisy(n, seed):  # testing::noisy_patches
//!     index = torch.arange(n * 96 * 96 * 3, dtype=torch.float64) + seed
//!     noise = ((index * 12.9898).sin() * 43758.5453).frac().abs()
//!     return noise.float().reshape(n, 96, 96, 3).permute(0, 3, 1, 2)
//!
//! torch.manual_seed(7)
//! model = ResNet([1, 2, 1], 4).eval()
//! for at, tensor in enumerate(state(model).values()):  # as if trained
//!     index = torch.arange(tensor.numel(), dtype=torch.float64) * (at + 1)
//!     tensor += (0.3 * (index + at).cos()).float().reshape(tensor.shape)
//! x = noisy(2, 5)
//! print("noise", x[1, 2, 95, 95].item(), x.double().sum().item())
//! print("logits", model(x).tolist())
//! ```

use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::{
    model::{
        Mode, Network, Source,
        testing::{
            architecture_of, as_if_trained, difference, file_of, imagenet_resnets, named_outputs,
            noisy_patches, resnet, small_resnet,
        },
    },
    tensors::{TensorFile, to_bytes},
};

/// The digest of all tensors in the order of their names.
fn digest(network: &Network) -> String {
    let mut whole = Sha256::new();
    for tensor in network.state().into_values() {
        let mut bytes = vec![0; tensor.numel() * 4];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        whole.update(&bytes);
    }
    whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn initialisation_is_pytorchs_bit_for_bit() {
    let full = "d744357be856b5dbb7dba0240bcb4d88c40d8f3d1921d5433b242fb67015aa04";
    assert_eq!(digest(&resnet(&[2, 2, 2], 16, 42)), full);
    let small = "23a77a92e3e059c2556c7230a969888c1ceafe8ae2a6491d3906782bdceef79a";
    assert_eq!(digest(&resnet(&[1, 2], 4, 7)), small);
}

#[test]
fn logits_are_pytorchs_within_1e_5() {
    let network = as_if_trained(resnet(&[1, 2, 1], 4, 7));
    let patches = noisy_patches(2, 5);
    let wanted = Tensor::from_slice(&[0.206188_f32, 0.2026937]);
    for patches in [patches.contiguous(), patches] {
        let forward = network.forward_with_taps(&patches, None);
        assert!(difference(&forward.logits, &wanted) < 1e-5, "{:?}", forward.logits);
        assert!(difference(&network.forward(&patches).unwrap(), &wanted) < 1e-5);
    }
}

#[test]
fn every_named_layer_is_kept_with_its_own_output() {
    let network = resnet(&[1, 2, 1], 4, 7);
    let forward = named_outputs(&network, &noisy_patches(2, 1));
    let tap = |name| forward.tap(name).unwrap();
    assert_eq!(tap("relu1"), &tap("bn1").relu());
    assert_eq!(tap("relu1").size(), [2, 4, 48, 48]);
    assert_eq!(tap("layer2.0"), &(tap("layer2.0.bn2") + tap("layer2.0.downsample")).relu());
    assert_eq!(tap("layer2.1"), &(tap("layer2.1.bn2") + tap("layer2.0")).relu());
    assert_eq!(tap("layer2.1"), tap("layer2"));
    assert_eq!(tap("layer3").size(), [2, 16, 12, 12]);
}

#[test]
fn a_leaf_gets_the_gradient_and_earlier_layers_do_not() {
    let network = resnet(&[1, 2], 4, 7);
    for leaf in ["layer1.0.relu1", "layer2.0", "layer2"] {
        let forward = network.forward_with_taps(&noisy_patches(2, 1), Some(leaf));
        let tap = forward.tap(leaf).unwrap();
        let gradient = Tensor::run_backward(&[forward.logits.sum(Kind::Float)], &[tap], false, false);
        assert_eq!(gradient[0].size(), tap.size());
        assert!(gradient[0].abs().max().double_value(&[]) > 0.0, "{leaf}");
        assert!(!forward.tap("relu1").unwrap().requires_grad());
    }
}

#[test]
fn training_uses_the_statistics_of_the_batch_and_updates_the_running_ones() {
    let network = small_resnet(3);
    let patches = noisy_patches(4, 2);
    let training = network.plain(&patches, Mode::Training);
    assert!(
        difference(&network.state()["bn1.running_mean"], &Tensor::zeros([4], (Kind::Float, Device::Cpu)))
            > 0.0
    );
    assert!(difference(&training, &network.forward(&patches).unwrap()) > 0.0);
}

#[test]
fn a_network_comes_back_from_its_tensors_with_its_architecture() {
    let small = [vec![1], vec![2, 1], vec![1, 3, 1, 1, 2]].map(|stages| resnet(&stages, 3, 5));
    for network in small.into_iter().chain(imagenet_resnets(5)).map(as_if_trained) {
        let file = file_of(&network);
        let architecture = architecture_of(&file).unwrap();
        assert_eq!(&architecture, network.architecture());
        let again = Network::new(&architecture, Source::File(file), Device::Cpu).unwrap();
        let of = |network: &Network| network.forward(&noisy_patches(2, 2)).unwrap();
        assert_eq!(of(&again), of(&network));
    }
}

#[test]
fn other_residual_networks_are_recognised_in_the_error() {
    let state = small_resnet(1).state();
    let error = |name: &str, shape: Option<&[i64]>| {
        let mut state: crate::tensors::Named =
            state.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
        let zeros = |shape| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        match shape {
            Some(shape) => drop(state.insert(name.to_owned(), zeros(shape))),
            None => drop(state.remove(name)),
        }
        let file = TensorFile::parse("m.safetensors", &to_bytes(&state, None).unwrap()).unwrap();
        let network = architecture_of(&file)
            .and_then(|architecture| Network::new(&architecture, Source::File(file), Device::Cpu));
        format!("{:#}", network.unwrap_err())
    };
    let patchy = error("conv1.weight", Some(&[4, 3, 5, 5]));
    assert!(patchy.contains("its first convolution is 5x5") && patchy.contains("resnet"), "{patchy}");
    let bottleneck = error("layer1.0.conv3.weight", Some(&[16, 4, 1, 1]));
    assert!(bottleneck.contains("`layer1.0.bn3.bias`"), "{bottleneck}");
    let wrong = |text: &str| format!("m.safetensors does not fit the network: {text}");
    let classes = error("fc.weight", Some(&[2, 8]));
    let shape = "`fc.weight` has the shape [2, 8], and the network needs [1, 8]";
    assert_eq!(classes, wrong(&format!("1 tensor has another shape: {shape}")));
    let missing = error("layer2.0.downsample.1.running_var", None);
    assert_eq!(missing, wrong("1 tensor is missing: `layer2.0.downsample.1.running_var`"));
    // Blocks after a gap belong to no network.
    let gap = error("layer2.2.conv1.weight", Some(&[8, 8, 3, 3]));
    assert_eq!(gap, wrong("1 tensor is left over: `layer2.2.conv1.weight`"));
    let none = error("conv1.weight", None);
    assert!(none.starts_with("m.safetensors holds no network that pcamflow knows"), "{none}");
}
