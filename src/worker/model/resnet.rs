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
use tch::{Kind, Tensor};

use super::{
    Mode, Tape,
    layers::{BatchNorm, Convolution, Linear, Shape},
    source::Maker,
};

#[derive(Debug)]
pub(super) struct ResNet {
    conv1: Convolution,
    bn1: BatchNorm,
    /// The blocks of layer1, layer2, ...
    stages: Vec<Vec<Block>>,
    fc: Linear,
}

#[derive(Debug)]
struct Block {
    name: String,
    downsample: Option<(Convolution, BatchNorm)>,
    conv1: Convolution,
    bn1: BatchNorm,
    conv2: Convolution,
    bn2: BatchNorm,
}

impl ResNet {
    pub(super) fn new(settings: &Settings, maker: &mut Maker) -> Result<Self> {
        let mut channels = i64::from(settings.width);
        let conv1 = Convolution::new("conv1", plain(3, channels, 3, 2), maker)?;
        let bn1 = BatchNorm::new("bn1", channels, maker)?;
        let mut stages = Vec::new();
        for (stage, &blocks) in (1..).zip(&settings.stages) {
            let outputs = if stage == 1 { channels } else { 2 * channels };
            let block = |at: u32| {
                let inputs = if at == 0 { channels } else { outputs };
                Block::new(format!("layer{stage}.{at}"), inputs, outputs, maker)
            };
            stages.push((0..blocks).map(block).collect::<Result<_>>()?);
            channels = outputs;
        }
        Ok(Self { conv1, bn1, stages, fc: Linear::new("fc", channels, 1, maker)? })
    }

    /// [N, 3, 96, 96] to logits `[N]`.
    pub(super) fn forward(&self, patches: &Tensor, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let x = tape.keep("conv1", self.conv1.forward(patches));
        let x = tape.keep("bn1", self.bn1.forward(&x, mode));
        let x = tape.relu(x);
        let mut x = tape.keep("relu1", x);
        for (stage, blocks) in (1..).zip(&self.stages) {
            x = blocks.iter().fold(x, |x, block| block.forward(&x, mode, tape));
            x = tape.keep(&format!("layer{stage}"), x);
        }
        // A mean instead of adaptive pooling to 1x1: its backward pass is deterministic on a GPU.
        let x = x.mean_dim([2, 3].as_slice(), false, Kind::Float);
        self.fc.forward(&x).squeeze_dim(1)
    }
}

impl Block {
    /// The stride is 2 if the channels grow.
    fn new(name: String, inputs: i64, outputs: i64, maker: &mut Maker) -> Result<Self> {
        let stride = if inputs == outputs { 1 } else { 2 };
        let downsample = match stride {
            1 => None,
            _ => Some((
                Convolution::new(&format!("{name}.downsample.0"), plain(inputs, outputs, 1, stride), maker)?,
                BatchNorm::new(&format!("{name}.downsample.1"), outputs, maker)?,
            )),
        };
        Ok(Self {
            downsample,
            conv1: Convolution::new(&format!("{name}.conv1"), plain(inputs, outputs, 3, stride), maker)?,
            bn1: BatchNorm::new(&format!("{name}.bn1"), outputs, maker)?,
            conv2: Convolution::new(&format!("{name}.conv2"), plain(outputs, outputs, 3, 1), maker)?,
            bn2: BatchNorm::new(&format!("{name}.bn2"), outputs, maker)?,
            name,
        })
    }

    fn forward(&self, x: &Tensor, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let residual = self.residual(x, mode, tape);
        let sum = match &self.downsample {
            None => residual + x,
            Some((convolution, norm)) => {
                let shortcut = norm.forward(&convolution.forward(x), mode);
                residual + tape.keep(&self.layer("downsample"), shortcut)
            }
        };
        let sum = tape.relu(sum);
        tape.keep(&self.name, sum)
    }

    fn residual(&self, x: &Tensor, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let x = tape.keep(&self.layer("conv1"), self.conv1.forward(x));
        let x = tape.keep(&self.layer("bn1"), self.bn1.forward(&x, mode));
        let x = tape.relu(x);
        let x = tape.keep(&self.layer("relu1"), x);
        let x = tape.keep(&self.layer("conv2"), self.conv2.forward(&x));
        tape.keep(&self.layer("bn2"), self.bn2.forward(&x, mode))
    }

    fn layer(&self, layer: &str) -> String {
        format!("{}.{layer}", self.name)
    }
}

/// The shape of a convolution without bias.
fn plain(inputs: i64, outputs: i64, kernel: i64, stride: i64) -> Shape {
    Shape { inputs, outputs, kernel, stride, bias: false }
}

#[cfg(test)]
mod tests;
