//! ClassCNN, the network of the notebook.
//!
//! conv1 bn1 relu1, conv2 bn2 relu2 pool1 (48x48), conv3 bn3 relu3 pool2 (24x24), conv4 bn4 relu4,
//! pool3 (6x6), fc1, relu, fc2.

use anyhow::Result;
use pcamflow::stages::train::ClassCnn as Widths;
use tch::Tensor;

use super::{
    Mode, Tape,
    layers::{BatchNorm, Convolution, Linear, Shape},
    source::Maker,
};

/// Rows and columns after pool3.
pub(super) const POOLED: i64 = 6;

#[derive(Debug)]
pub(super) struct ClassCnn {
    blocks: [Block; 4],
    fc1: Linear,
    fc2: Linear,
}

/// A convolution, its batch normalisation, and the names of their outputs and of the ReLU's.
#[derive(Debug)]
struct Block {
    names: [&'static str; 3],
    convolution: Convolution,
    norm: BatchNorm,
}

impl ClassCnn {
    pub(super) fn new(widths: &Widths, maker: &mut Maker) -> Result<Self> {
        let [c1, c2, c3, c4] = widths.channels.map(i64::from);
        let hidden = i64::from(widths.hidden);
        Ok(Self {
            blocks: [
                Block::new(["conv1", "bn1", "relu1"], 3, c1, maker)?,
                Block::new(["conv2", "bn2", "relu2"], c1, c2, maker)?,
                Block::new(["conv3", "bn3", "relu3"], c2, c3, maker)?,
                Block::new(["conv4", "bn4", "relu4"], c3, c4, maker)?,
            ],
            fc1: Linear::new("fc1", c4 * POOLED * POOLED, hidden, maker)?,
            fc2: Linear::new("fc2", hidden, 1, maker)?,
        })
    }

    /// [N, 3, 96, 96] to logits `[N]`.
    pub(super) fn forward(&self, patches: &Tensor, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let [block1, block2, block3, block4] = &self.blocks;
        let x = block1.forward(patches, mode, tape);
        let x = block2.forward(&x, mode, tape);
        let x = tape.keep("pool1", halve(&x));
        let x = block3.forward(&x, mode, tape);
        let x = tape.keep("pool2", halve(&x));
        let x = block4.forward(&x, mode, tape);
        let x = tape.keep("pool3", pool_to_six(&x));
        let x = self.fc1.forward(&x.flatten(1, -1)).relu();
        self.fc2.forward(&x).squeeze_dim(1)
    }
}

impl Block {
    fn new(names: [&'static str; 3], inputs: i64, outputs: i64, maker: &mut Maker) -> Result<Self> {
        let shape = Shape { inputs, outputs, kernel: 3, stride: 1, bias: true };
        let convolution = Convolution::new(names[0], shape, maker)?;
        Ok(Self { names, convolution, norm: BatchNorm::new(names[1], outputs, maker)? })
    }

    fn forward(&self, x: &Tensor, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let [convolution, norm, relu] = self.names;
        let x = tape.keep(convolution, self.convolution.forward(x));
        let x = tape.keep(norm, self.norm.forward(&x, mode));
        let x = tape.relu(x);
        tape.keep(relu, x)
    }
}

fn halve(x: &Tensor) -> Tensor {
    x.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
}

/// Adaptive average pooling of 24x24 to 6x6. Every window is 4x4, so plain pooling is the same, and its backward
/// pass is deterministic on a GPU.
fn pool_to_six(x: &Tensor) -> Tensor {
    x.avg_pool2d([4, 4], [4, 4], [0, 0], false, true, None)
}
