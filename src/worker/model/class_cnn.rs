//! ClassCNN, the network of the notebook.
//!
//! conv1 bn1 relu1, conv2 bn2 relu2 pool1 (48x48), conv3 bn3 relu3 pool2 (24x24), conv4 bn4 relu4,
//! pool3 (6x6), fc1, relu, fc2. The sizes are those for patches of 96x96; pool3 averages to 6x6 in any case.

use anyhow::Result;
use pcamflow::stages::train::ClassCnn as Widths;

use super::{
    body::{Body, Head, Unit, Work},
    layers::{BatchNorm, Convolution, Linear, Shape},
    source::Maker,
};
use crate::kernels::MaxPool;

/// Rows and columns after pool3.
pub(super) const POOLED: i64 = 6;
const HALVE: MaxPool = MaxPool { kernel: 2, stride: 2, padding: 0 };

pub(super) fn class_cnn(widths: &Widths, maker: &mut Maker) -> Result<Body> {
    let [c1, c2, c3, c4] = widths.channels.map(i64::from);
    let hidden = i64::from(widths.hidden);
    let mut body = Body { operations: Vec::new(), head: Head { mean: false, order: 1, layers: Vec::new() } };
    let mut last = 0;
    for (number, inputs, outputs) in [(1, 3, c1), (2, c1, c2), (3, c2, c3), (4, c3, c4)] {
        last = body.push(last, unit(number, inputs, outputs, maker)?, vec![format!("relu{number}")]);
        last = match number {
            2 | 3 => body.push(last, Work::MaxPool(HALVE), vec![format!("pool{}", number - 1)]),
            4 => body.push(last, Work::AveragePool(POOLED), vec!["pool3".to_owned()]),
            _ => last,
        };
    }
    let fc1 = Linear::new("fc1", c4 * POOLED * POOLED, hidden, maker)?;
    body.head.layers = vec![fc1, Linear::new("fc2", hidden, 1, maker)?];
    Ok(body)
}

fn unit(number: u8, inputs: i64, outputs: i64, maker: &mut Maker) -> Result<Work> {
    let [convolution, norm] = ["conv", "bn"].map(|layer| format!("{layer}{number}"));
    let shape = Shape { inputs, outputs, kernel: 3, stride: 1, bias: true };
    Ok(Work::Unit(Unit {
        convolution: Convolution::new(&convolution, shape, maker)?,
        norm: BatchNorm::new(&norm, outputs, maker)?,
        shortcut: None,
        relu: true,
        names: [Some(convolution), Some(norm)],
    }))
}
