//! Finds the network of a weights file by the names and shapes of its tensors.

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    protocol::InputFile,
    stages::architecture::{Architecture, ClassCnn, ResNet},
};
use tch::Device;

use super::{Network, Source};
use crate::tensors::TensorFile;

/// The network in a safetensors file, frozen.
///
/// # Errors
/// The file is not safetensors or holds no known network, or a tensor is missing, unexpected, misshapen or not finite.
pub(crate) fn load_model(input: &InputFile, device: Device) -> Result<Network> {
    network_of(read_weights(input)?.0, device)
}

/// As [`load_model`], from tensors in memory.
///
/// # Errors
/// As `load_model`.
pub(crate) fn network_of(file: TensorFile, device: Device) -> Result<Network> {
    Network::new(&infer(&file)?, Source::File(file), device)
}

/// The tensors of a network, and the prefix that was removed from their names.
///
/// # Errors
/// The file is not safetensors, or it is a checkpoint.
pub(crate) fn read_weights(input: &InputFile) -> Result<(TensorFile, String)> {
    let file = TensorFile::read(input)?;
    ensure!(
        !file.is_checkpoint(),
        "{} is the checkpoint of a training, but weights are expected: use the `model.safetensors` beside it, or \
         continue the training in a `resume-train` stage",
        input.name
    );
    Ok(file.unwrapped())
}

/// The architecture of the tensors of a file.
///
/// # Errors
/// The architecture is unknown; the message says what is missing.
pub(crate) fn infer(file: &TensorFile) -> Result<Architecture> {
    let unknown =
        || format!("{} holds no network that pcamflow knows (architectures: class-cnn, resnet)", file.name());
    match has(file, &first_of(1, 0)) {
        true => resnet(file).map(Architecture::Resnet),
        false => class_cnn(file).map(Architecture::ClassCnn),
    }
    .with_context(unknown)
}

fn class_cnn(file: &TensorFile) -> Result<ClassCnn> {
    Ok(ClassCnn {
        channels: [
            outputs(file, "conv1.weight", 4)?,
            outputs(file, "conv2.weight", 4)?,
            outputs(file, "conv3.weight", 4)?,
            outputs(file, "conv4.weight", 4)?,
        ],
        hidden: outputs(file, "fc1.weight", 2)?,
    })
}

/// Counts stages and their blocks. Shapes are checked when the tensors are read.
fn resnet(file: &TensorFile) -> Result<ResNet> {
    let width = outputs(file, "conv1.weight", 4)?;
    let stem = file.shape("conv1.weight")?;
    ensure!(
        stem[2..] == [3, 3],
        "its first convolution is {}x{}, as in networks for larger pictures; here it must be 3x3",
        stem[2],
        stem[3]
    );
    ensure!(
        !has(file, "layer1.0.conv3.weight"),
        "its blocks have three convolutions (`layer1.0.conv3.weight`); here they must have two"
    );
    let blocks = |stage: u32| (0..).take_while(|&block| has(file, &first_of(stage, block))).count();
    let counts = (1..).map(blocks).take_while(|&blocks| blocks > 0);
    Ok(ResNet { stages: counts.map(u32::try_from).collect::<Result<_, _>>()?, width })
}

/// The first tensor of a block.
fn first_of(stage: u32, block: u32) -> String {
    format!("layer{stage}.{block}.conv1.weight")
}

fn has(file: &TensorFile, tensor: &str) -> bool {
    file.shape(tensor).is_ok()
}

/// The first dimension of a tensor with a number of dimensions.
fn outputs(file: &TensorFile, tensor: &str, dimensions: usize) -> Result<u32> {
    let shape = file.shape(tensor)?;
    ensure!(
        shape.len() == dimensions,
        "tensor `{tensor}` has the shape {shape:?}, not {dimensions} dimensions"
    );
    ensure!(!shape.contains(&0), "tensor `{tensor}` has the shape {shape:?}: it is empty");
    Ok(u32::try_from(shape[0])?)
}
