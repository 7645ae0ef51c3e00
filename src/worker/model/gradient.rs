//! The gradient of the logit by a feature map or by the image, on a CPU.
//!
//! In float32, the forward pass has the bits of the plain formulation: a gradient jumps where a ReLU or a max-pooling
//! does, and a folded network decides near ties differently. (It moved single saliency maps by 2 %, and the order of
//! nearly equal pixels of Grad-CAM, so that points of deletion curves moved by 0.005.) The backward pass goes through
//! the folded weights, and computes gradients by maps and none by weights. Where libtorch's graph would read and write
//! a whole map for each norm, each ReLU and each pooling, one pass in place does it.

use anyhow::{Context as _, Result};
use tch::{Kind, Tensor};

use super::{
    averaging::{average_gradient, averaged},
    body::{Body, Head, Map, Work},
    folded::{Folded, pool_on_device},
    group::{joined, parted},
    layers::Convolution,
};
use crate::{
    kernels::{
        MaxPool, Pooled, close_gate, dense, empty_map, max_pool_backward, numbers, numbers_mut, with_number,
    },
    libtorch::input_gradient,
};

/// The logits `[N]`, and a map and the gradient of each logit by it, [N, C, h, w].
#[derive(Debug)]
pub(crate) struct Slope {
    pub(crate) logits: Tensor,
    pub(crate) map: Tensor,
    pub(crate) gradient: Tensor,
}

impl Folded {
    /// The gradient by a map of patches [N, 3, S, S].
    pub(super) fn slope(&self, body: &Body, patches: &Tensor, by: Map) -> Result<Slope> {
        let maps = match patches.kind() {
            Kind::Float => self.exact_maps(body, patches)?,
            _ => self.maps(body, patches)?,
        };
        let last = &maps[body.operations.len()];
        let (logits, gradient) = body.head.slope(last);
        let mut gradients: Vec<Option<Tensor>> = maps.iter().map(|_| None).collect();
        gradients[body.operations.len()] = Some(gradient);
        for at in (by..body.operations.len()).rev() {
            if let Some(gradient) = gradients[at + 1].take() {
                self.back(body, at, &maps, gradient, by, &mut gradients)?;
            }
        }
        let gradient = gradients[by].take().context("the logit does not depend on this layer")?;
        Ok(Slope { logits, map: maps[by].shallow_clone(), gradient })
    }

    /// All maps of patches, with the bits of the plain formulation.
    fn exact_maps(&self, body: &Body, patches: &Tensor) -> Result<Vec<Tensor>> {
        let mut maps = vec![dense(patches)];
        for (at, operation) in body.operations.iter().enumerate() {
            let from = &maps[operation.from];
            maps.push(match &operation.work {
                Work::Unit(unit) => {
                    let filter = self.filter(at)?;
                    let mut map = dense(&filter.alone.forward(from));
                    let shortcut = unit.shortcut.map(|map| numbers::<f32>(&maps[map])).transpose()?;
                    filter.scale.apply(numbers_mut(&mut map)?, shortcut, unit.relu);
                    map
                }
                Work::MaxPool(pool) => pool_on_device(*pool, from)?,
                Work::AveragePool(to) => averaged(*to, from),
                Work::Halve(halving) => halving.of(from),
                Work::Norm(norm) => self.normed(norm, at, from)?,
                Work::Convolution(_) => dense(&self.convolution(at)?.forward(from)),
                Work::Join { other, order } => dense(&joined(*order, from, &maps[*other])),
            });
        }
        Ok(maps)
    }

    /// Adds the gradients by the inputs of an operation, given the one by its output, on the way to that by a map.
    fn back(
        &self,
        body: &Body,
        at: usize,
        maps: &[Tensor],
        gradient: Tensor,
        by: Map,
        gradients: &mut [Option<Tensor>],
    ) -> Result<()> {
        let operation = &body.operations[at];
        let (x, output) = (&maps[operation.from], &maps[at + 1]);
        let by_x = match &operation.work {
            Work::Unit(unit) => {
                let (filter, mut gradient) = (self.filter(at)?, dense(&gradient));
                if unit.relu && !body.is_only_pooled(at + 1) {
                    with_number!(output, T => close_gate::<T>(numbers_mut(&mut gradient)?, numbers(output)?));
                }
                let by_x = dense(&input_gradient(&gradient, x, &filter.weight, filter.alone.step)?);
                if let Some(shortcut) = unit.shortcut {
                    add(&mut gradients[shortcut], gradient);
                }
                by_x
            }
            Work::MaxPool(pool) => {
                // The gradient that is asked for is the one before the ReLU's backward pass.
                let after_relu = operation.from != by && body.is_only_pooled(operation.from);
                pool_gradient(*pool, x, output, &dense(&gradient), after_relu)?
            }
            Work::AveragePool(to) => average_gradient(*to, x, &gradient),
            Work::Halve(halving) => halving.gradient(x, &gradient),
            Work::Norm(_) => self.norm_gradient(at, output, &gradient)?,
            Work::Convolution(_) => {
                let Convolution { weight, step, .. } = self.convolution(at)?;
                dense(&input_gradient(&dense(&gradient), x, weight, *step)?)
            }
            Work::Join { other, order } => {
                let [by_x, by_other] = parted(*order, &gradient, x.size()[1]);
                add(&mut gradients[*other], own(&by_other));
                own(&by_x)
            }
        };
        add(&mut gradients[operation.from], by_x);
        Ok(())
    }

    /// The gradient by the input of a norm and its ReLU.
    fn norm_gradient(&self, at: usize, output: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let scale = Tensor::from_slice(&self.scale(at)?.scale);
        let order = output.size()[1] / scale.size()[0];
        let mut gradient = own(gradient);
        with_number!(output, T => close_gate::<T>(numbers_mut(&mut gradient)?, numbers(&dense(output))?));
        Ok(gradient.g_mul_(&scale.repeat([order]).view([1, -1, 1, 1]).to_kind(output.kind())))
    }
}

/// The same map with memory of its own, stored channels last.
pub(super) fn own(map: &Tensor) -> Tensor {
    let size = map.size();
    let mut own = empty_map(map.kind(), [size[0], size[1], size[2], size[3]]);
    own.copy_(map);
    own
}

impl Head {
    /// The logits of the last map, and their gradients by it.
    fn slope(&self, map: &Tensor) -> (Tensor, Tensor) {
        let (inputs, logits) = self.with_inputs(map);
        let by_features = self.back(&inputs, &logits.ones_like(), |_, _| ());
        let gradient = self.by_map(&by_features, map);
        (logits, gradient)
    }

    /// The gradient by the features of the map, given the one by the logits. `of_layer` gets the gradient by the output
    /// of each linear layer and its input, from the last layer to the first.
    pub(super) fn back(
        &self,
        inputs: &[Tensor],
        by_logits: &Tensor,
        mut of_layer: impl FnMut(&Tensor, &Tensor),
    ) -> Tensor {
        let mut gradient = by_logits.unsqueeze(1);
        for (at, (layer, input)) in self.layers.iter().zip(inputs).enumerate().rev() {
            of_layer(&gradient, input);
            gradient = gradient.matmul(&layer.weight);
            if at > 0 {
                gradient *= input.gt(0.0).to_kind(Kind::Float);
            }
        }
        gradient
    }

    /// The gradient by the last map, given the one by the features. It is stored channels first, as libtorch does: the
    /// order of later sums decides near ties.
    pub(super) fn by_map(&self, gradient: &Tensor, map: &Tensor) -> Tensor {
        let size = map.size();
        if !self.mean {
            return gradient.view(size.as_slice()).to_kind(map.kind());
        }
        let each = gradient.repeat([1, self.order]) / (self.order * size[2] * size[3]) as f64;
        each.to_kind(map.kind()).view([size[0], size[1], 1, 1]).expand(&size, false).contiguous()
    }
}

/// The gradient by the input of a max-pooling.
pub(super) fn pool_gradient(
    pool: MaxPool,
    x: &Tensor,
    output: &Tensor,
    gradient: &Tensor,
    after_relu: bool,
) -> Result<Tensor> {
    let (n, c, h, w) = x.size4()?;
    let mut by_x = empty_map(x.kind(), [n, c, h, w]);
    let size = [h, w, c].map(|n| n as usize);
    with_number!(x, T => {
        let (input, output, gradient) = (numbers::<T>(x)?, numbers(output)?, numbers(gradient)?);
        max_pool_backward(pool, &Pooled { input, output, gradient, size, after_relu }, numbers_mut(&mut by_x)?);
    });
    Ok(by_x)
}

/// Adds a gradient to the sum of a map.
pub(super) fn add(sum: &mut Option<Tensor>, gradient: Tensor) {
    *sum = Some(match sum.take() {
        Some(mut sum) => sum.g_add_(&gradient),
        None => gradient,
    });
}
