//! The network layer by layer, by libtorch's own operations: what the other formulations are compared with.
//!
//! It keeps the outputs of all named layers, records a graph where one is wanted, and runs on every device.

use tch::{Kind, Tensor};

use super::{
    Mode, Tape,
    averaging::averaged,
    body::{Body, Head, Norm, Unit, Work},
    group::joined,
};
use crate::kernels::MaxPool;

impl Body {
    /// [N, 3, S, S] to logits `[N]`.
    pub(super) fn plain(&self, patches: &Tensor, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let mut maps = vec![patches.shallow_clone()];
        self.go_on(&mut maps, self.operations.len(), mode, tape);
        self.head.forward(&maps[maps.len() - 1])
    }

    /// Adds the maps of the operations before `to` to those that are known.
    pub(super) fn go_on(&self, maps: &mut Vec<Tensor>, to: usize, mode: Mode, tape: &mut Tape<'_>) {
        for operation in &self.operations[maps.len() - 1..to] {
            let from = &maps[operation.from];
            let output = match &operation.work {
                Work::Unit(unit) => unit.plain(from, unit.shortcut.map(|map| &maps[map]), mode, tape),
                Work::MaxPool(pool) => pooled(*pool, from),
                Work::AveragePool(to) => averaged(*to, from),
                Work::Halve(halving) => halving.of(from),
                Work::Norm(norm) => norm.plain(from, mode, tape),
                Work::Convolution(lone) => lone.whole().forward(from),
                Work::Join { other, order } => joined(*order, from, &maps[*other]),
            };
            maps.push(operation.names.iter().fold(output, |output, name| tape.keep(name, output)));
        }
    }
}

impl Unit {
    fn plain(&self, x: &Tensor, shortcut: Option<&Tensor>, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let [convolution, norm] = &self.names;
        let mut keep = |name: &Option<String>, output| match name {
            Some(name) => tape.keep(name, output),
            None => output,
        };
        let x = keep(convolution, self.convolution.forward(x));
        let x = keep(norm, self.norm.forward(&x, mode));
        let x = match shortcut {
            Some(shortcut) => x + shortcut,
            None => x,
        };
        if self.relu { tape.relu(x) } else { x }
    }
}

impl Norm {
    fn plain(&self, x: &Tensor, mode: Mode, tape: &mut Tape<'_>) -> Tensor {
        let x = tape.keep(&self.name, self.norm.forward(x, mode));
        tape.relu(x)
    }
}

impl Head {
    /// The last map [N, C, h, w] to logits `[N]`.
    pub(super) fn forward(&self, map: &Tensor) -> Tensor {
        self.with_inputs(map).1
    }

    /// The inputs of the linear layers, and the logits.
    pub(super) fn with_inputs(&self, map: &Tensor) -> (Vec<Tensor>, Tensor) {
        let (mut x, mut inputs) = (self.features(map), Vec::new());
        for (at, layer) in self.layers.iter().enumerate() {
            let input = if at == 0 { x } else { x.relu() };
            x = layer.forward(&input);
            inputs.push(input);
        }
        (inputs, x.squeeze_dim(1))
    }

    /// The inputs of the first linear layer, [N, features], not in bfloat16. (A mean instead of adaptive pooling to
    /// 1x1: its backward pass is deterministic on a GPU.)
    fn features(&self, map: &Tensor) -> Tensor {
        let kind = match map.kind() {
            Kind::BFloat16 => Kind::Float,
            kind => kind,
        };
        match self.mean {
            true if self.order > 1 => {
                let (n, c) = (map.size()[0], map.size()[1] / self.order);
                map.reshape([n, self.order, c, -1]).mean_dim([1, 3].as_slice(), false, kind)
            }
            true => map.mean_dim([2, 3].as_slice(), false, kind),
            false => map.flatten(1, -1).to_kind(kind),
        }
    }
}

/// Max-pooling by libtorch.
pub(super) fn pooled(pool: MaxPool, x: &Tensor) -> Tensor {
    let [kernel, stride, padding] = [pool.kernel, pool.stride, pool.padding].map(|n| [n as i64; 2]);
    x.max_pool2d(kernel, stride, padding, [1, 1], false)
}
