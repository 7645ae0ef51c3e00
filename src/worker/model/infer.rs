//! Finds the architecture of named tensors by their names and shapes.

use anyhow::{Context as _, Error, Result, anyhow, ensure};
use pcamflow::{
    nearest::nearest,
    stages::architecture::{Architecture, Block, ClassCnn, DenseNet, Group, Layout, ResNet, Stem},
};

use super::fit::Shapes;

/// The architecture of tensors. `name` is that of their file, for messages.
///
/// # Errors
/// The architecture is unknown; the message says what is missing.
pub(super) fn infer(name: &str, shapes: &Shapes) -> Result<Architecture> {
    let unknown = || {
        format!("{name} holds no network that pcamflow knows (architectures: class-cnn, resnet, densenet)")
    };
    if shapes.contains_key(FIRST_OF_DENSENET) {
        return densenet(shapes).map(Architecture::Densenet).with_context(unknown);
    }
    match shapes.contains_key(&first_of(1, 0)) {
        true => resnet(shapes).map(Architecture::Resnet),
        false => class_cnn(shapes).map(Architecture::ClassCnn),
    }
    .with_context(unknown)
}

fn class_cnn(shapes: &Shapes) -> Result<ClassCnn> {
    Ok(ClassCnn {
        channels: [
            outputs(shapes, "conv1.weight", 4)?,
            outputs(shapes, "conv2.weight", 4)?,
            outputs(shapes, "conv3.weight", 4)?,
            outputs(shapes, "conv4.weight", 4)?,
        ],
        hidden: outputs(shapes, "fc1.weight", 2)?,
    })
}

/// Counts stages and their blocks. Shapes are checked when the tensors are read.
fn resnet(shapes: &Shapes) -> Result<ResNet> {
    let width = outputs(shapes, "conv1.weight", 4)?;
    let has = |tensor: &str| shapes.contains_key(tensor);
    let block = if has("layer1.0.conv3.weight") { Block::Bottleneck } else { Block::Basic };
    let blocks = |stage: u32| (0..).take_while(|&block| has(&first_of(stage, block))).count();
    let counts = (1..).map(blocks).take_while(|&blocks| blocks > 0);
    let stages = counts.map(u32::try_from).collect::<Result<_, _>>()?;
    Ok(ResNet { stages, width, stem: stem(&shapes["conv1.weight"])?, block })
}

/// The stem, by the shape of its convolution. No tensor tells its stride, nor whether a pooling follows.
fn stem(convolution: &[i64]) -> Result<Stem> {
    match convolution[2..] {
        [3, 3] => Ok(Stem::Small),
        [7, 7] => Ok(Stem::Imagenet),
        _ => Err(other_stem(convolution)),
    }
}

fn other_stem(convolution: &[i64]) -> Error {
    anyhow!(
        "its first convolution is {}x{}; here it must be 3x3, or 7x7 as in torchvision",
        convolution[2],
        convolution[3]
    )
}

/// Counts blocks and their layers. No tensor tells the strides.
fn densenet(shapes: &Shapes) -> Result<DenseNet> {
    let channels = outputs(shapes, FIRST_OF_DENSENET, 4)?;
    let has = |block: u32, layer: u32| shapes.contains_key(&convolution_of(block, layer, 1));
    let layers = |block: u32| (1..).take_while(|&layer| has(block, layer)).count();
    let counts = (1..).map(layers).take_while(|&layers| layers > 0);
    let blocks = counts.map(u32::try_from).collect::<Result<_, _>>()?;
    let first = convolution_of(1, 1, 1);
    let dimensions = shapes.get(&first).map_or(4, Vec::len);
    let group = match shapes.get(&first).map(Vec::as_slice) {
        Some([_, _, 4, _, _]) => Group::P4,
        Some([_, _, 8, _, _]) => Group::P4m,
        _ => Group::None,
    };
    let (layout, last) = match shapes[FIRST_OF_DENSENET][2..] {
        [3, 3] => (Layout::Pcam, first),
        [7, 7] => (Layout::Torchvision, convolution_of(1, 1, 2)),
        _ => return Err(other_stem(&shapes[FIRST_OF_DENSENET])),
    };
    let dimensions = if group == Group::None { 4 } else { dimensions };
    Ok(DenseNet { blocks, growth: outputs(shapes, &last, dimensions)?, channels, layout, group })
}

/// The tensor with which densely connected networks begin.
pub(super) const FIRST_OF_DENSENET: &str = "features.conv0.weight";

fn convolution_of(block: u32, layer: u32, convolution: u32) -> String {
    format!("features.denseblock{block}.denselayer{layer}.conv{convolution}.weight")
}

/// The first tensor of a block.
fn first_of(stage: u32, block: u32) -> String {
    format!("layer{stage}.{block}.conv1.weight")
}

/// Names that are right, so none of them is a misspelt other one.
const KNOWN: [&str; 6] =
    ["conv1.weight", "conv2.weight", "conv3.weight", "conv4.weight", "fc1.weight", "fc2.weight"];

/// The message about a tensor by which networks are known.
fn missing(shapes: &Shapes, tensor: &str) -> String {
    let others = shapes.keys().map(String::as_str).filter(|name| !KNOWN.contains(name));
    let near = nearest(tensor, others);
    let near = near.map(|near| format!(" (is it `{near}`?)")).unwrap_or_default();
    format!("it has no tensor `{tensor}`{near}")
}

/// The first dimension of a tensor with a number of dimensions.
fn outputs(shapes: &Shapes, tensor: &str, dimensions: usize) -> Result<u32> {
    let shape = shapes.get(tensor).with_context(|| missing(shapes, tensor))?;
    ensure!(
        shape.len() == dimensions,
        "tensor `{tensor}` has the shape {shape:?}, not {dimensions} dimensions"
    );
    ensure!(!shape.contains(&0), "tensor `{tensor}` has the shape {shape:?}: it is empty");
    Ok(u32::try_from(shape[0])?)
}
