//! A small residual network (He et al. 2016, section 4.2), in torchvision's form and with its names.
//!
//! conv1 (3x3, stride 2), bn1, relu1 (48x48); stages layer1, layer2, ... of basic blocks, where each stage after the
//! first has stride 2 and twice the channels; the mean over rows and columns; fc. The paper's network is for 32x32
//! and its stem has stride 1. With stride 2 a patch of 96x96 costs 2.25 times as much as such an image, not 9 times.
//! Convolutions have no bias because batch normalisation follows.
//!
//! A block is relu(bn2(conv2(relu1(bn1(conv1(x))))) + shortcut(x)). The shortcut is x, or, if shapes change,
//! downsample: a 1x1 convolution (downsample.0) and a batch normalisation (downsample.1), option B of the paper. As in
//! torchvision, the tensors of downsample are drawn first.

use anyhow::Result;
use pcamflow::stages::architecture::ResNet as Settings;

use super::{
    body::{Body, Head, Map, Unit, Work},
    layers::{BatchNorm, Convolution, Linear, Shape},
    source::Maker,
};

pub(super) fn resnet(settings: &Settings, maker: &mut Maker) -> Result<Body> {
    let mut channels = i64::from(settings.width);
    let mut body = Body { operations: Vec::new(), head: Head { mean: true, layers: Vec::new() } };
    let stem = unit(["conv1", "bn1"].map(str::to_owned), plain(3, channels, 3, 2), maker)?;
    let mut last = body.push(0, Work::Unit(stem), vec!["relu1".to_owned()]);
    for (stage, &blocks) in (1..).zip(&settings.stages) {
        let outputs = if stage == 1 { channels } else { 2 * channels };
        for at in 0..blocks {
            let inputs = if at == 0 { channels } else { outputs };
            last = block(&mut body, last, &format!("layer{stage}.{at}"), [inputs, outputs], maker)?;
        }
        // A stage has the output of its last block.
        if let Some(block) = body.operations.last_mut() {
            block.names.push(format!("layer{stage}"));
        }
        channels = outputs;
    }
    body.head.layers = vec![Linear::new("fc", channels, 1, maker)?];
    Ok(body)
}

/// Adds a block, and returns its output. The stride is 2 if the channels grow.
fn block(body: &mut Body, x: Map, name: &str, [inputs, outputs]: [i64; 2], maker: &mut Maker) -> Result<Map> {
    let stride = if inputs == outputs { 1 } else { 2 };
    let names = |number: u8| [format!("{name}.conv{number}"), format!("{name}.bn{number}")];
    let shortcut = match stride {
        1 => x,
        _ => downsample(body, x, &format!("{name}.downsample"), plain(inputs, outputs, 1, stride), maker)?,
    };
    let first = unit(names(1), plain(inputs, outputs, 3, stride), maker)?;
    let middle = body.push(x, Work::Unit(first), vec![format!("{name}.relu1")]);
    let second = unit(names(2), plain(outputs, outputs, 3, 1), maker)?;
    let second = Unit { shortcut: Some(shortcut), ..second };
    Ok(body.push(middle, Work::Unit(second), vec![name.to_owned()]))
}

fn downsample(body: &mut Body, x: Map, name: &str, shape: Shape, maker: &mut Maker) -> Result<Map> {
    let unit = unit([format!("{name}.0"), format!("{name}.1")], shape, maker)?;
    // The layer that has a name is both together.
    let unit = Unit { relu: false, names: [None, None], ..unit };
    Ok(body.push(x, Work::Unit(unit), vec![name.to_owned()]))
}

/// A convolution, a norm and a ReLU, under the names of the first two.
fn unit([convolution, norm]: [String; 2], shape: Shape, maker: &mut Maker) -> Result<Unit> {
    Ok(Unit {
        convolution: Convolution::new(&convolution, shape, maker)?,
        norm: BatchNorm::new(&norm, shape.outputs, maker)?,
        shortcut: None,
        relu: true,
        names: [Some(convolution), Some(norm)],
    })
}

/// The shape of a convolution without bias.
fn plain(inputs: i64, outputs: i64, kernel: i64, stride: i64) -> Shape {
    Shape { inputs, outputs, kernel, stride, bias: false }
}

#[cfg(test)]
mod tests;
