//! Networks and patches for tests: small ones, and those of the references.

use pcamflow::{
    protocol::InputFile,
    stages::architecture::{Architecture, Block, ClassCnn, DenseNet, Group, Layout, ResNet, Stem},
    testing::{explanations, shared},
};
use tch::{Device, Kind, Tensor};

use super::{
    Forward, Network, Source, Want, Weights,
    body::{Body, Head},
    infer::infer,
    layers::Linear,
    read_weights,
};
use crate::tensors::{IGNORED, TensorFile};

/// A network small enough for a debug-slow machine.
pub(crate) fn tiny() -> Architecture {
    Architecture::ClassCnn(ClassCnn { channels: [2, 3, 4, 5], hidden: 6 })
}

pub(crate) fn tiny_network(seed: u64) -> Network {
    Network::new(&tiny(), Source::Seed(seed), Device::Cpu).unwrap()
}

/// A residual network of two blocks, the second with a downsample.
pub(crate) fn small_resnet(seed: u64) -> Network {
    resnet(&[1, 1], 4, seed)
}

/// A residual network after PyTorch's initialisation.
pub(crate) fn resnet(stages: &[u32], width: u32, seed: u64) -> Network {
    resnet_of(ResNet { stages: stages.to_vec(), width, ..ResNet::default() }, seed)
}

/// As [`resnet`], with any settings.
pub(crate) fn resnet_of(settings: ResNet, seed: u64) -> Network {
    Network::new(&Architecture::Resnet(settings), Source::Seed(seed), Device::Cpu).unwrap()
}

/// Narrow networks with torchvision's stem: of basic blocks, and of bottlenecks.
pub(crate) fn imagenet_resnets(seed: u64) -> [Network; 2] {
    [imagenet_basic(seed), imagenet_bottleneck(seed)]
}

pub(crate) fn imagenet_basic(seed: u64) -> Network {
    let (stem, block) = (Stem::Imagenet, Block::Basic);
    resnet_of(ResNet { stages: vec![2, 1], width: 3, stem, block }, seed)
}

pub(crate) fn imagenet_bottleneck(seed: u64) -> Network {
    let (stem, block) = (Stem::Imagenet, Block::Bottleneck);
    resnet_of(ResNet { stages: vec![2, 1, 1], width: 3, stem, block }, seed)
}

/// A densely connected network after its initialisation.
pub(crate) fn densenet(settings: DenseNet, seed: u64) -> Network {
    Network::new(&Architecture::Densenet(settings), Source::Seed(seed), Device::Cpu).unwrap()
}

/// A small densely connected network with a group.
pub(crate) fn symmetric(group: Group, seed: u64) -> Network {
    let blocks = vec![1, 2, 1];
    densenet(DenseNet { blocks, growth: 2, channels: 3, layout: Layout::Pcam, group }, seed)
}

/// Small densely connected networks: without and with groups, and in torchvision's layout.
pub(crate) fn densenets(seed: u64) -> [Network; 4] {
    [densenet_pcam(seed), symmetric(Group::P4, seed), densenet_p4m(seed), densenet_torchvision(seed)]
}

pub(crate) fn densenet_pcam(seed: u64) -> Network {
    symmetric(Group::None, seed)
}

pub(crate) fn densenet_p4m(seed: u64) -> Network {
    symmetric(Group::P4m, seed)
}

pub(crate) fn densenet_torchvision(seed: u64) -> Network {
    let (layout, group) = (Layout::Torchvision, Group::None);
    densenet(DenseNet { blocks: vec![2, 1], growth: 2, channels: 4, layout, group }, seed)
}

/// Changes every tensor of a network. Running variances stay above 0.
pub(crate) fn as_if_trained(network: Network) -> Network {
    for (at, mut tensor) in network.state().into_values().enumerate() {
        let index = Tensor::arange(tensor.numel() as i64, (Kind::Double, Device::Cpu)) * (at + 1) as f64;
        let _ = tensor.g_add_(&((index + at as f64).cos() * 0.3).to_kind(Kind::Float).reshape(tensor.size()));
    }
    network
}

/// The tensors of a network as a weights file.
pub(crate) fn file_of(network: &Network) -> TensorFile {
    let bytes = crate::tensors::to_bytes(&network.state(), None).unwrap();
    TensorFile::parse("model.safetensors", &bytes).unwrap()
}

/// The network in a safetensors file, frozen.
pub(crate) fn load_model(input: &InputFile, device: Device) -> anyhow::Result<Network> {
    let Weights { architecture, tensors, .. } = read_weights(input, Want::Any)?;
    Network::new(&architecture, Source::File(tensors), device)
}

/// The architecture of the tensors of a file.
pub(crate) fn architecture_of(file: &TensorFile) -> anyhow::Result<Architecture> {
    infer(file.name(), &file.shapes())
}

/// z = <w, x> + b with weights [3, 96, 96]: every explainer has a closed form for it. Its state is that of another
/// network.
pub(crate) fn linear_network(weight: &Tensor, bias: f64) -> Network {
    let weight = weight.reshape([1, -1]);
    let bias = Tensor::from_slice(&[bias as f32]);
    let head = Head { mean: false, order: 1, layers: vec![Linear { weight, bias }] };
    Network { body: Body { operations: Vec::new(), head }, ..tiny_network(1) }
}

/// z = sum_h v_h max(<w_h, x> + b_h, 0) + c with weights [H, 3, S, S]. Its state is that of another network.
pub(crate) fn hidden_network(weight: &Tensor, bias: &Tensor, outer: &Tensor, c: f64) -> Network {
    let inner = Linear { weight: weight.reshape([weight.size()[0], -1]), bias: bias.reshape([-1]) };
    let outer = Linear { weight: outer.reshape([1, -1]), bias: Tensor::from_slice(&[c as f32]) };
    let head = Head { mean: false, order: 1, layers: vec![inner, outer] };
    Network { body: Body { operations: Vec::new(), head }, ..tiny_network(1) }
}

/// A file of reference results, if it exists. Reads types that `TensorFile` refuses (the patches are bytes).
pub(crate) fn reference(file: &str) -> Option<Vec<(String, Tensor)>> {
    shared(&format!("oracle/{file}")).map(|path| Tensor::read_safetensors(path).unwrap())
}

/// The reference explanations of each network.
pub(crate) fn explained_references() -> Vec<Vec<(String, Tensor)>> {
    explanations().iter().map(|path| Tensor::read_safetensors(path).unwrap()).collect()
}

/// One tensor of a reference.
pub(crate) fn get(reference: &[(String, Tensor)], name: &str) -> Tensor {
    reference.iter().find(|(found, _)| found == name).unwrap().1.shallow_clone()
}

/// The tensors of a reference below a prefix, as a weights file.
pub(crate) fn weights(reference: &[(String, Tensor)], prefix: &str) -> TensorFile {
    let inside = reference
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.shallow_clone())))
        .filter(|(name, _)| !name.ends_with(IGNORED));
    TensorFile::parse(prefix, &crate::tensors::to_bytes(&inside.collect(), None).unwrap()).unwrap()
}

/// Noisy patches [n, 3, 96, 96] in [0, 1), stored channels last like patches from files. Does not use the
/// generator of the process: another test may have seeded it.
pub(crate) fn noisy_patches(n: i64, seed: i64) -> Tensor {
    noisy_patches_of(n, 96, seed)
}

/// The same with another side.
pub(crate) fn noisy_patches_of(n: i64, side: i64, seed: i64) -> Tensor {
    let index = Tensor::arange(n * side * side * 3, (Kind::Double, Device::Cpu)) + seed as f64;
    let noise = ((index * 12.9898).sin() * 43758.5453).frac().abs();
    noise.to_kind(Kind::Float).reshape([n, side, side, 3]).permute([0, 3, 1, 2])
}

/// A forward pass that keeps the output of every layer of the architecture, each under its name.
#[track_caller]
pub(crate) fn named_outputs(network: &Network, patches: &Tensor) -> Forward {
    let forward = network.forward_with_taps(patches, None);
    let mut names: Vec<_> = forward.taps.iter().map(|(name, _)| name.as_str()).collect();
    let mut wanted = network.architecture().layers();
    names.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    forward
}

/// The largest difference of two tensors of one shape.
pub(crate) fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.detach().to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}

/// Writes the weights of a network to a file, as an input of a stage.
pub(crate) fn saved(network: &Network, folder: &std::path::Path) -> InputFile {
    let path = folder.join("model.safetensors");
    std::fs::write(&path, crate::tensors::to_bytes(&network.state(), None).unwrap()).unwrap();
    InputFile { path, name: "model.safetensors".to_owned() }
}
