//! Residual networks (He et al. 2016), in torchvision's form and with its names.
//!
//! conv1, bn1, relu1 and, in torchvision's stem, maxpool; stages layer1, layer2, ... of blocks, where each stage after
//! the first has stride 2 and twice the channels; the mean over rows and columns; fc. Convolutions have no bias because
//! batch normalisation follows.
//!
//! The small stem is a 3x3 convolution with stride 2 (48x48). The paper's network of section 4.2 is for 32x32, and its
//! stem has stride 1. With stride 2 a patch of 96x96 costs 2.25 times as much as such an image, not 9 times.
//!
//! A basic block is relu(bn2(conv2(relu1(bn1(conv1(x))))) + shortcut(x)), where conv1 has the stride. A bottleneck has
//! three convolutions, of which the second has the stride. The shortcut is x, or, if shapes change, downsample: a 1x1
//! convolution (downsample.0) and a batch normalisation (downsample.1), option B of the paper. As in torchvision, the
//! tensors of downsample are drawn first.

use anyhow::Result;
use pcamflow::stages::architecture::{Block, ResNet as Settings, Stem};

use super::{
    body::{Body, Head, Map, Unit, Work},
    layers::{BatchNorm, Convolution, Linear, Shape},
    source::Maker,
};
use crate::kernels::MaxPool;

/// The pooling of torchvision's stem.
const STEM_POOL: MaxPool = MaxPool { kernel: 3, stride: 2, padding: 1 };

pub(super) fn resnet(settings: &Settings, maker: &mut Maker) -> Result<Body> {
    let width = i64::from(settings.width);
    let mut body = Body { operations: Vec::new(), head: Head { mean: true, order: 1, layers: Vec::new() } };
    let mut last = stem(&mut body, settings.stem, width, maker)?;
    let mut inputs = width;
    for (stage, &blocks) in settings.stages.iter().enumerate() {
        for at in 0..blocks {
            let stride = if stage > 0 && at == 0 { 2 } else { 1 };
            let form = Form { inputs, inside: width << stage, stride, block: settings.block };
            last = block(&mut body, last, &format!("layer{}.{at}", stage + 1), form, maker)?;
            inputs = form.outputs();
        }
        // A stage has the output of its last block.
        if let Some(block) = body.operations.last_mut() {
            block.names.push(format!("layer{}", stage + 1));
        }
    }
    body.head.layers = vec![Linear::new("fc", inputs, 1, maker)?];
    Ok(body)
}

/// Adds what comes before the first stage, and returns its output.
fn stem(body: &mut Body, stem: Stem, width: i64, maker: &mut Maker) -> Result<Map> {
    let kernel = match stem {
        Stem::Small => 3,
        Stem::Imagenet => 7,
    };
    let unit = unit(["conv1", "bn1"].map(str::to_owned), plain(3, width, kernel, 2), maker)?;
    let last = body.push(0, Work::Unit(unit), vec!["relu1".to_owned()]);
    Ok(match stem {
        Stem::Small => last,
        Stem::Imagenet => body.push(last, Work::MaxPool(STEM_POOL), vec!["maxpool".to_owned()]),
    })
}

/// The channels and the stride of a block.
#[derive(Clone, Copy)]
struct Form {
    inputs: i64,
    /// Of its 3x3 convolutions.
    inside: i64,
    stride: i64,
    block: Block,
}

impl Form {
    fn outputs(self) -> i64 {
        self.inside * i64::from(self.block.expansion())
    }

    /// Whether the shortcut has a convolution.
    fn has_downsample(self) -> bool {
        self.stride != 1 || self.inputs != self.outputs()
    }

    fn convolutions(self) -> Vec<Shape> {
        let Self { inputs, inside, stride, block } = self;
        match block {
            Block::Basic => vec![plain(inputs, inside, 3, stride), plain(inside, inside, 3, 1)],
            Block::Bottleneck => vec![
                plain(inputs, inside, 1, 1),
                plain(inside, inside, 3, stride),
                plain(inside, self.outputs(), 1, 1),
            ],
        }
    }
}

/// Adds a block, and returns its output.
fn block(body: &mut Body, x: Map, name: &str, form: Form, maker: &mut Maker) -> Result<Map> {
    let shortcut = match form.has_downsample() {
        false => x,
        true => {
            let shape = plain(form.inputs, form.outputs(), 1, form.stride);
            downsample(body, x, &format!("{name}.downsample"), shape, maker)?
        }
    };
    let shapes = form.convolutions();
    let mut last = x;
    for (number, shape) in (1..).zip(&shapes) {
        let mut unit = unit([format!("{name}.conv{number}"), format!("{name}.bn{number}")], *shape, maker)?;
        let is_last = number == shapes.len();
        unit.shortcut = is_last.then_some(shortcut);
        let layer = if is_last { name.to_owned() } else { format!("{name}.relu{number}") };
        last = body.push(last, Work::Unit(unit), vec![layer]);
    }
    Ok(last)
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
#[cfg(test)]
mod torchvision;
