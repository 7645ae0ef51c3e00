//! Which network a file of tensors belongs to, told by the tensors' names and shapes.

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    protocol::InputFile,
    stages::train::{Architecture, ClassCnn},
};
use tch::Device;

use super::{Network, Source};
use crate::tensors::TensorFile;

/// The network in a safetensors file, frozen.
///
/// # Errors
/// No safetensors file, no network known here, a tensor that is missing, misshapen, too much or not
/// finite: names the file and the tensor.
pub(crate) fn load_model(input: &InputFile, device: Device) -> Result<Network> {
    let file = TensorFile::read(input)?;
    Network::new(&infer(&file)?, Source::File(file), device)
}

/// The architecture that the tensors of a file belong to.
///
/// # Errors
/// None known here.
pub(crate) fn infer(file: &TensorFile) -> Result<Architecture> {
    class_cnn(file).map(Architecture::ClassCnn).with_context(|| {
        format!("{} holds no network that pcamflow knows (architectures: class-cnn)", file.name())
    })
}

fn class_cnn(file: &TensorFile) -> Result<ClassCnn> {
    let outputs = |tensor: &str, dimensions: usize| -> Result<u32> {
        let shape = file.shape(tensor)?;
        ensure!(
            shape.len() == dimensions,
            "tensor `{tensor}` has the shape {shape:?}, not {dimensions} dimensions"
        );
        Ok(u32::try_from(shape[0])?)
    };
    Ok(ClassCnn {
        channels: [
            outputs("conv1.weight", 4)?,
            outputs("conv2.weight", 4)?,
            outputs("conv3.weight", 4)?,
            outputs("conv4.weight", 4)?,
        ],
        hidden: outputs("fc1.weight", 2)?,
    })
}
