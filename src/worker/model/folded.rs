//! Inference with every batch normalisation folded into the convolution before it.
//!
//! In inference a norm is an affine map of each channel: norm(conv(x)) is the convolution with the weights w s and the
//! bias (b - mean) s + beta, s = gamma / sqrt(variance + eps). The products are float64, so the folded weights are
//! rounded once. On a CPU the ReLU is part of the convolution, too (oneDNN). In float32, a logit differs from that of
//! the plain formulation by rounding, about 1e-6.

use anyhow::{Result, bail};
use tch::{Device, Kind, Tensor, no_grad};

use super::{
    Mode,
    averaging::averaged,
    body::{Body, Map, Norm, Unit, Work},
    group::joined,
    layers::{Convolution, EPSILON},
    plain::pooled,
};
use crate::{
    kernels::{MaxPool, Scale, dense, empty_map, max_pool, numbers, numbers_mut, with_number},
    libtorch::{self, Step},
};

/// What is derived from the tensors of a network, for each operation.
#[derive(Debug)]
pub(super) struct Folded {
    operations: Vec<Ready>,
}

#[derive(Debug)]
enum Ready {
    Unit(Filter),
    Norm(Scale),
    /// With the filters of all elements of a group, stored channels last.
    Convolution(Convolution),
    /// A pooling, or maps that are joined.
    Nothing,
}

/// A convolution with a bias.
#[derive(Debug)]
pub(super) struct Filter {
    /// Stored channels last.
    pub(super) weight: Tensor,
    /// float32.
    pub(super) bias: Tensor,
    /// The convolution alone, also stored channels last: libtorch would rearrange it for every batch.
    pub(super) alone: Convolution,
    /// The norm alone.
    pub(super) scale: Scale,
}

impl Folded {
    /// For maps of this kind of numbers.
    pub(super) fn new(body: &Body, kind: Kind) -> Result<Self> {
        let ready = |work: &Work| {
            Ok(match work {
                Work::Unit(unit) => Ready::Unit(no_grad(|| Filter::of(unit, kind))?),
                Work::Norm(norm) => Ready::Norm(norm.norm.scale()?),
                Work::Convolution(lone) => Ready::Convolution(no_grad(|| {
                    let Convolution { weight, bias, step } = lone.whole();
                    Convolution { weight: dense(&weight.detach().to_kind(kind)), bias, step }
                })),
                Work::MaxPool(_) | Work::AveragePool(_) | Work::Halve(_) | Work::Join { .. } => {
                    Ready::Nothing
                }
            })
        };
        let operations = body.operations.iter().map(|operation| ready(&operation.work));
        Ok(Self { operations: operations.collect::<Result<_>>()? })
    }

    /// The filter of an operation, which has to be a unit.
    pub(super) fn filter(&self, operation: usize) -> Result<&Filter> {
        match &self.operations[operation] {
            Ready::Unit(filter) => Ok(filter),
            _ => bail!("the operation is no unit"),
        }
    }

    /// The norm of an operation, which has to be a norm alone.
    pub(super) fn scale(&self, operation: usize) -> Result<&Scale> {
        match &self.operations[operation] {
            Ready::Norm(scale) => Ok(scale),
            _ => bail!("the operation is no norm"),
        }
    }

    /// The convolution of an operation, which has to be a convolution alone.
    pub(super) fn convolution(&self, operation: usize) -> Result<&Convolution> {
        match &self.operations[operation] {
            Ready::Convolution(convolution) => Ok(convolution),
            _ => bail!("the operation is no convolution"),
        }
    }

    /// The output of a norm and its ReLU.
    pub(super) fn normed(&self, norm: &Norm, at: usize, x: &Tensor) -> Result<Tensor> {
        if x.device() != Device::Cpu || x.kind() != Kind::Float {
            return Ok(norm.norm.forward(x, Mode::Inference).relu_());
        }
        let (n, c, h, w) = x.size4()?;
        let mut output = empty_map(Kind::Float, [n, c, h, w]);
        output.copy_(x);
        self.scale(at)?.apply(numbers_mut(&mut output)?, None, true);
        Ok(output)
    }

    /// The logits `[N]` of patches [N, 3, S, S].
    pub(super) fn logits(&self, body: &Body, patches: &Tensor) -> Result<Tensor> {
        let mut maps = vec![Some(patches.shallow_clone())];
        for at in 0..body.operations.len() {
            let output = self.operation(body, at, &|map| maps[map].as_ref().unwrap_or(patches))?;
            maps.push(Some(output));
            // Free the maps that no later operation reads.
            for (map, held) in maps.iter_mut().enumerate().take(at + 1) {
                if !body.operations[at + 1..].iter().any(|later| later.reads().any(|read| read == map)) {
                    *held = None;
                }
            }
        }
        Ok(body.head.forward(maps.last().and_then(Option::as_ref).unwrap_or(patches)))
    }

    /// All maps of patches, in order.
    pub(super) fn maps(&self, body: &Body, patches: &Tensor) -> Result<Vec<Tensor>> {
        let mut maps = vec![dense(patches)];
        for at in 0..body.operations.len() {
            let output = self.operation(body, at, &|map| &maps[map])?;
            maps.push(output);
        }
        Ok(maps)
    }

    fn operation<'a>(&self, body: &Body, at: usize, map: &dyn Fn(Map) -> &'a Tensor) -> Result<Tensor> {
        let operation = &body.operations[at];
        let from = map(operation.from);
        match &operation.work {
            Work::Unit(unit) => {
                let filter = self.filter(at)?;
                filter.unit(from, filter.alone.step, unit.shortcut.map(map), unit.relu)
            }
            Work::MaxPool(pool) => pool_on_device(*pool, from),
            Work::AveragePool(to) => Ok(averaged(*to, from)),
            Work::Halve(halving) => Ok(halving.of(from)),
            Work::Norm(norm) => self.normed(norm, at, from),
            Work::Convolution(_) => Ok(dense(&self.convolution(at)?.forward(from))),
            Work::Join { other, order } => Ok(dense(&joined(*order, from, map(*other)))),
        }
    }
}

impl Filter {
    fn of(unit: &Unit, kind: Kind) -> Result<Self> {
        let Unit { convolution, norm, .. } = unit;
        let (weight, bias) = folded(unit);
        let weight = dense(&weight.to_kind(kind));
        let bias = bias.to_kind(Kind::Float);
        let alone = Convolution {
            weight: dense(&convolution.weight.detach()),
            bias: convolution.bias.as_ref().map(Tensor::detach),
            step: convolution.step,
        };
        Ok(Self { weight, bias, alone, scale: norm.scale()? })
    }

    /// The output of a unit, with a stride and padding of its own or others.
    pub(super) fn unit(
        &self,
        x: &Tensor,
        step: Step,
        shortcut: Option<&Tensor>,
        relu: bool,
    ) -> Result<Tensor> {
        match shortcut {
            None => self.convolve(x, step, relu),
            Some(shortcut) => {
                let mut sum = self.convolve(x, step, false)?.g_add_(shortcut);
                Ok(if relu { sum.relu_() } else { sum })
            }
        }
    }

    fn convolve(&self, x: &Tensor, step: Step, relu: bool) -> Result<Tensor> {
        if x.device() == Device::Cpu && libtorch::has_onednn() {
            return libtorch::convolution(x, &self.weight, &self.bias, step, relu);
        }
        let (stride, padding) = ([step.stride; 2], [step.padding; 2]);
        let mut output =
            x.conv2d(&self.weight, Some(self.bias.to_kind(x.kind())), stride, padding, [1, 1], 1);
        Ok(if relu { output.relu_() } else { output })
    }
}

/// The weight and the bias of a unit's convolution with its norm, in float64.
pub(super) fn folded(Unit { convolution, norm, .. }: &Unit) -> (Tensor, Tensor) {
    let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
    let scale = double(&norm.weight) / (double(&norm.running_var) + EPSILON).sqrt();
    let weight = double(&convolution.weight) * scale.view([-1, 1, 1, 1]);
    let before = match &convolution.bias {
        Some(bias) => double(bias) - double(&norm.running_mean),
        None => -double(&norm.running_mean),
    };
    (weight, before * scale + double(&norm.bias))
}

/// Max-pooling by our kernel on a CPU: libtorch's also writes the place of every maximum.
pub(super) fn pool_on_device(pool: MaxPool, x: &Tensor) -> Result<Tensor> {
    if x.device() != Device::Cpu {
        return Ok(pooled(pool, x));
    }
    let (n, c, h, w) = x.size4()?;
    let outputs = |inputs: i64| pool.outputs(inputs as usize) as i64;
    let mut output = empty_map(x.kind(), [n, c, outputs(h), outputs(w)]);
    let size = [h, w, c].map(|n| n as usize);
    with_number!(x, T => max_pool::<T>(pool, numbers(&dense(x))?, size, numbers_mut(&mut output)?));
    Ok(output)
}
