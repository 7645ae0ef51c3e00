//! Everything that a network computes for some images, in float64.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{linear::Linear, rule::Rules};
use crate::model::{
    averaging::averaged,
    body::{Body, Head, Lone, Norm, Unit, Work},
    folded::folded,
    group::joined,
    plain::pooled,
};

/// What is computed for images.
pub(crate) struct Trace {
    /// The images as the first layer reads them, then the outputs of the operations.
    pub(super) maps: Vec<Tensor>,
    pub(super) inside: Vec<Inside>,
    head: Vec<Layer>,
    logits: Tensor,
}

/// What is inside an operation.
pub(super) enum Inside {
    /// The convolution with its norm, its output, and the sum with the shortcut (or the same).
    Unit {
        linear: Linear,
        own: Tensor,
        sum: Tensor,
    },
    /// A norm as a linear part, and its output before the ReLU.
    Norm {
        linear: Linear,
        before: Tensor,
    },
    Convolution(Linear),
    /// Nothing that the operation itself does not tell.
    Plain,
}

/// A linear layer of the head, or the mean before them, with its input and output.
struct Layer {
    linear: Linear,
    input: Tensor,
    output: Tensor,
}

impl Trace {
    /// The trace of images [n, 3, S, S] as the first layer reads them, in float64.
    pub(super) fn new(body: &Body, images: &Tensor) -> Result<Self> {
        let (mut maps, mut inside) = (vec![images.shallow_clone()], Vec::new());
        for operation in &body.operations {
            let from = &maps[operation.from];
            let (output, part) = match &operation.work {
                Work::Unit(unit) => of_unit(unit, from, unit.shortcut.map(|map| &maps[map])),
                Work::MaxPool(pool) => (pooled(*pool, from), Inside::Plain),
                Work::AveragePool(to) => (averaged(*to, from), Inside::Plain),
                Work::Halve(halving) => (halving.of(from), Inside::Plain),
                Work::Norm(norm) => of_norm(norm, from),
                Work::Convolution(lone) => of_convolution(lone, from),
                Work::Join { other, order } => (joined(*order, from, &maps[*other]), Inside::Plain),
            };
            maps.push(output);
            inside.push(part);
        }
        let (head, logits) = of_head(&body.head, &maps[maps.len() - 1]);
        Ok(Self { maps, inside, head, logits })
    }

    /// `[n]` in float64.
    pub(crate) fn logits(&self) -> &Tensor {
        &self.logits
    }

    /// What arrives at the last map.
    pub(super) fn head_back(&self, rules: &dyn Rules, mut signal: Tensor) -> Result<Tensor> {
        for (at, Layer { linear, input, output }) in self.head.iter().enumerate().rev() {
            signal = rules.linear(linear, input, output, &signal)?;
            // Between two linear layers there is a ReLU.
            if let (Linear::Dense { .. }, Some(before)) = (linear, at.checked_sub(1)) {
                let before = &self.head[before];
                if matches!(before.linear, Linear::Dense { .. }) {
                    signal = rules.relu(&before.output, signal);
                }
            }
        }
        Ok(signal.reshape(self.maps[self.maps.len() - 1].size()))
    }
}

fn of_unit(unit: &Unit, x: &Tensor, shortcut: Option<&Tensor>) -> (Tensor, Inside) {
    let (weight, bias) = folded(unit);
    let linear = Linear::Convolution { weight, bias, step: unit.convolution.step };
    let own = linear.forward(x);
    let sum = shortcut.map_or_else(|| own.shallow_clone(), |shortcut| &own + shortcut);
    let output = if unit.relu { sum.relu() } else { sum.shallow_clone() };
    (output, Inside::Unit { linear, own, sum })
}

fn of_norm(Norm { norm, .. }: &Norm, x: &Tensor) -> (Tensor, Inside) {
    let linear = Linear::scaling(norm, x.size()[1]);
    let before = linear.forward(x);
    (before.relu(), Inside::Norm { linear, before })
}

fn of_convolution(lone: &Lone, x: &Tensor) -> (Tensor, Inside) {
    let linear = Linear::convolution(&lone.whole());
    (linear.forward(x), Inside::Convolution(linear))
}

fn of_head(head: &Head, map: &Tensor) -> (Vec<Layer>, Tensor) {
    let mut layers = Vec::new();
    let mut x = map.shallow_clone();
    let mut push = |linear: Linear, input: Tensor| {
        let output = linear.forward(&input);
        layers.push(Layer { linear, input, output: output.shallow_clone() });
        output
    };
    x = if head.mean { push(Linear::Mean { order: head.order }, x) } else { x.flatten(1, -1) };
    for (at, layer) in head.layers.iter().enumerate() {
        let [weight, bias] = [&layer.weight, &layer.bias].map(|tensor| tensor.detach().to_kind(Kind::Double));
        let input = if at == 0 { x } else { x.relu() };
        x = push(Linear::Dense { weight, bias }, input);
    }
    (layers, x.squeeze_dim(1))
}
