//! The forward and backward pass of a step of training on a CPU, with our batch normalisation.
//!
//! The gradients are those of the plain formulation in training mode (a test compares them with libtorch's in
//! float64). The norm, the shortcut and the ReLU after a convolution are one pass over memory, and so are their
//! gradients. The bias of a convolution before a norm has no gradient: the norm subtracts it again.
//!
//! Maps and their gradients are float32 or bfloat16. Parameters, their gradients and the head are always float32.

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::{
    averaging::{average_gradient, averaged},
    body::{Body, Lone, Unit, Work},
    folded::pool_on_device,
    gradient::{add, own, pool_gradient},
    group::{joined, parted},
    layers::{BatchNorm, Convolution, EPSILON, MOMENTUM},
};
use crate::{
    kernels::{Affine, Moments, Number, dense, empty_map, numbers, numbers_mut, with_number},
    libtorch::{input_gradient, weight_gradient},
};

/// A forward pass, with what the backward pass needs.
pub(crate) struct Pass<'a> {
    body: &'a Body,
    /// `[N]`
    pub(crate) logits: Tensor,
    maps: Vec<Tensor>,
    /// Of each operation with a norm.
    normalised: Vec<Option<Normalised>>,
    /// The inputs of the linear layers, after the ReLU.
    features: Vec<Tensor>,
}

/// What a norm was given, and how it normalised it.
struct Normalised {
    x: Tensor,
    affine: Affine,
    /// 1 / (variance + eps) of each channel.
    precision: Vec<f64>,
}

impl Body {
    /// A forward pass that normalises by the statistics of the batch, and updates the running ones.
    pub(super) fn learn(&self, patches: &Tensor) -> Result<Pass<'_>> {
        no_grad(|| {
            let (mut maps, mut normalised) = (vec![dense(patches)], Vec::new());
            for operation in &self.operations {
                let from = &maps[operation.from];
                let (output, kept) = match &operation.work {
                    Work::Unit(unit) => {
                        let shortcut = unit.shortcut.map(|map| &maps[map]);
                        let (output, kept) = with_number!(from, T => unit.learn::<T>(from, shortcut)?);
                        (output, Some(kept))
                    }
                    Work::MaxPool(pool) => (pool_on_device(*pool, from)?, None),
                    Work::AveragePool(to) => (averaged(*to, from), None),
                    Work::Halve(halving) => (halving.of(from), None),
                    Work::Norm(norm) => {
                        let (output, kept) = with_number!(from, T => norm.norm.learn::<T>(from, None, true)?);
                        (output, Some(kept))
                    }
                    Work::Convolution(lone) => (dense(&lone.whole().forward(from)), None),
                    Work::Join { other, order } => (dense(&joined(*order, from, &maps[*other])), None),
                };
                maps.push(output);
                normalised.push(kept);
            }
            let (features, logits) = self.head.with_inputs(&maps[self.operations.len()]);
            Ok(Pass { body: self, logits, maps, normalised, features })
        })
    }
}

impl Pass<'_> {
    /// The gradients by all parameters, in their order, given the gradient `[N]` by the logits.
    pub(crate) fn backward(&mut self, by_logits: &Tensor) -> Result<Vec<Tensor>> {
        no_grad(|| {
            let last = self.body.operations.len();
            let (head, mut parameters) = (&self.body.head, Vec::new());
            let by_features = head.back(&self.features, by_logits, |gradient, input| {
                parameters.splice(0..0, of_linear(gradient, input));
            });
            let mut gradients: Vec<Option<Tensor>> = self.maps.iter().map(|_| None).collect();
            gradients[last] = Some(dense(&head.by_map(&by_features, &self.maps[last])));
            for at in (0..last).rev() {
                if let Some(gradient) = gradients[at + 1].take() {
                    let mut of_unit = self.back(at, gradient, &mut gradients)?;
                    of_unit.append(&mut parameters);
                    parameters = of_unit;
                }
            }
            Ok(parameters)
        })
    }

    /// Adds the gradients by the inputs of an operation, and returns those by its parameters.
    fn back(&mut self, at: usize, gradient: Tensor, gradients: &mut [Option<Tensor>]) -> Result<Vec<Tensor>> {
        let operation = &self.body.operations[at];
        let (x, output) = (&self.maps[operation.from], &self.maps[at + 1]);
        let (by_x, parameters) = match (&operation.work, self.normalised[at].take()) {
            (Work::Unit(unit), Some(normalised)) => {
                let shortcut = unit.shortcut.map(|map| &mut gradients[map]);
                let open = unit.relu && !self.body.is_only_pooled(at + 1);
                let gate = open.then_some(output);
                let (gradient, of_norm) = with_number!(
                    x, T => normalised.back::<T>(&unit.norm, gate, gradient, shortcut)?
                );
                let Convolution { weight, bias, step } = &unit.convolution;
                let weight = &weight.to_kind(x.kind());
                let of_weight = weight_gradient(&gradient, x, weight, *step)?;
                let mut parameters = vec![of_weight.to_kind(Kind::Float)];
                parameters.extend(bias.as_ref().map(Tensor::zeros_like));
                parameters.extend(of_norm);
                // The gradient by the patches is not used.
                let needed = operation.from > 0;
                let by_x = needed.then(|| input_gradient(&gradient, x, weight, *step)).transpose()?;
                (by_x.as_ref().map(dense), parameters)
            }
            (Work::MaxPool(pool), _) => {
                let after_relu = self.body.is_only_pooled(operation.from);
                (Some(pool_gradient(*pool, x, output, &gradient, after_relu)?), Vec::new())
            }
            (Work::AveragePool(to), _) => (Some(average_gradient(*to, x, &gradient)), Vec::new()),
            (Work::Halve(halving), _) => (Some(halving.gradient(x, &gradient)), Vec::new()),
            (Work::Norm(norm), Some(normalised)) => {
                let (by_x, of_norm) = with_number!(
                    x, T => normalised.back::<T>(&norm.norm, Some(output), dense(&gradient), None)?
                );
                (Some(by_x), of_norm.into())
            }
            (Work::Convolution(lone), _) => {
                let (by_x, of_weight) = lone.back(x, &dense(&gradient), operation.from > 0)?;
                (by_x, vec![of_weight])
            }
            (Work::Join { other, order }, _) => {
                let [by_x, by_other] = parted(*order, &gradient, x.size()[1]);
                add(&mut gradients[*other], own(&by_other));
                (Some(own(&by_x)), Vec::new())
            }
            (Work::Unit(_) | Work::Norm(_), None) => anyhow::bail!("a norm has no forward pass"),
        };
        if let Some(by_x) = by_x {
            add(&mut gradients[operation.from], by_x);
        }
        Ok(parameters)
    }
}

impl Unit {
    fn learn<T: Number>(&self, x: &Tensor, shortcut: Option<&Tensor>) -> Result<(Tensor, Normalised)> {
        self.norm.learn::<T>(&dense(&self.convolution.forward(x)), shortcut, self.relu)
    }
}

impl Lone {
    /// The gradients by the input, if that is needed, and by the learnt filters, given the one by the output.
    fn back(&self, x: &Tensor, gradient: &Tensor, needed: bool) -> Result<(Option<Tensor>, Tensor)> {
        let Convolution { weight, step, .. } = self.whole();
        let weight = weight.to_kind(x.kind());
        let of_all = weight_gradient(gradient, x, &weight, step)?.to_kind(Kind::Float);
        let of_learnt = match self.symmetry {
            Some(symmetry) => symmetry.gradient(&self.learnt.weight, &of_all.contiguous()),
            None => of_all,
        };
        let by_x = needed.then(|| input_gradient(gradient, x, &weight, step)).transpose()?;
        Ok((by_x.as_ref().map(dense), of_learnt))
    }
}

impl Normalised {
    /// The gradient by the output of the convolution, and those by the parameters of the norm, given the one by the
    /// output of the unit. `gate` is that output, if its ReLU is still to be passed.
    fn back<T: Number>(
        &self,
        norm: &BatchNorm,
        gate: Option<&Tensor>,
        mut gradient: Tensor,
        shortcut: Option<&mut Option<Tensor>>,
    ) -> Result<(Tensor, [Tensor; 2])> {
        let x = numbers::<T>(&self.x)?;
        let sums = self.affine.gate(x, gate.map(numbers).transpose()?, numbers_mut(&mut gradient)?);
        if let Some(shortcut) = shortcut {
            add(shortcut, gradient.copy());
        }
        self.affine.backward(x, numbers_mut(&mut gradient)?, &sums, &self.precision);
        let [by_shift, by_scale] = sums;
        let by_scale = by_scale.iter().zip(&self.precision).map(|(sum, precision)| sum * precision.sqrt());
        let tensor = |values: &[f64]| Tensor::from_slice(values).to_kind(norm.weight.kind());
        let by_scale: Vec<f64> = by_scale.collect();
        Ok((gradient, [tensor(&by_scale), tensor(&by_shift)]))
    }
}

impl BatchNorm {
    /// The output for a dense map, of which each pixel holds the channels of one element of a group after the other.
    fn learn<T: Number>(
        &self,
        x: &Tensor,
        shortcut: Option<&Tensor>,
        relu: bool,
    ) -> Result<(Tensor, Normalised)> {
        let (n, c, h, w) = x.size4()?;
        let values = numbers::<T>(x)?;
        let channels = self.weight.numel();
        let moments = Moments::of(values, channels);
        self.follow(&moments, i64::try_from(values.len() / channels)?)?;
        let (affine, precision) = self.affine(&moments, relu)?;
        let mut output = empty_map(T::KIND, [n, c, h, w]);
        affine.apply(values, shortcut.map(numbers).transpose()?, numbers_mut(&mut output)?);
        Ok((output, Normalised { x: x.shallow_clone(), affine, precision }))
    }

    /// Moves the running statistics towards those of a batch of so many pixels. As in PyTorch, the running variance
    /// is unbiased.
    fn follow(&self, moments: &Moments, pixels: i64) -> Result<()> {
        let unbiased = pixels as f64 / (pixels - 1).max(1) as f64;
        let variance: Vec<f64> = moments.variance.iter().map(|variance| variance * unbiased).collect();
        for (running, batch) in [(&self.running_mean, &moments.mean), (&self.running_var, &variance)] {
            let before = Vec::<f32>::try_from(running)?;
            let moved = before
                .iter()
                .zip(batch)
                .map(|(&before, &batch)| (f64::from(before) * (1.0 - MOMENTUM) + batch * MOMENTUM) as f32);
            running.shallow_clone().copy_(&Tensor::from_slice(&moved.collect::<Vec<_>>()));
        }
        Ok(())
    }

    /// The affine map of a batch, and 1 / (variance + eps).
    fn affine(&self, moments: &Moments, relu: bool) -> Result<(Affine, Vec<f64>)> {
        let precision: Vec<f64> =
            moments.variance.iter().map(|variance| 1.0 / (variance + EPSILON)).collect();
        let weight = Vec::<f32>::try_from(&self.weight.detach())?;
        let scale = weight
            .iter()
            .zip(&precision)
            .map(|(&weight, precision)| (f64::from(weight) * precision.sqrt()) as f32);
        let affine = Affine {
            centre: moments.mean.iter().map(|&mean| mean as f32).collect(),
            scale: scale.collect(),
            shift: Vec::<f32>::try_from(&self.bias.detach())?,
            relu,
        };
        Ok((affine, precision))
    }
}

/// The gradients by the parameters of a linear layer, given the one by its output, and its input.
fn of_linear(gradient: &Tensor, input: &Tensor) -> [Tensor; 2] {
    [gradient.tr().matmul(input), gradient.sum_dim_intlist([0].as_slice(), false, Kind::Float)]
}

#[cfg(test)]
mod tests;
