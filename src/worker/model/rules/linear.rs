//! The linear parts of a network, apart from their biases: how they compute, and how a derivative goes back.

use anyhow::Result;
use tch::{Kind, Tensor};

use crate::{
    libtorch::{Step, input_gradient},
    model::{
        averaging::{Halving, average_gradient, averaged},
        layers::{BatchNorm, Convolution},
    },
};

/// A linear part. Tensors are float64.
pub(crate) enum Linear {
    /// [n, in, h, w] to [n, out, h', w'].
    Convolution { weight: Tensor, bias: Tensor, step: Step },
    /// [n, in] to [n, out].
    Dense { weight: Tensor, bias: Tensor },
    /// A factor and a bias for each channel, [1, C, 1, 1].
    Scaling { weight: Tensor, bias: Tensor },
    /// Means of windows that cover the map, to so many rows and columns.
    AveragePool(i64),
    /// Means of 2x2 pixels.
    Halve(Halving),
    /// The mean of each channel and of the elements of a group, [n, order C, h, w] to [n, C].
    Mean { order: i64 },
}

impl Linear {
    /// A batch normalisation in inference, for a map with so many channels: those of each element of a group.
    pub(super) fn scaling(norm: &BatchNorm, channels: i64) -> Self {
        let [weight, bias] = norm.factor_and_bias();
        let elements = channels / weight.size()[0];
        let [weight, bias] = [weight, bias].map(|values| values.repeat([elements]).view([1, -1, 1, 1]));
        Self::Scaling { weight, bias }
    }

    pub(super) fn convolution(Convolution { weight, bias, step }: &Convolution) -> Self {
        let weight = weight.detach().to_kind(Kind::Double);
        let bias = match bias {
            Some(bias) => bias.detach().to_kind(Kind::Double),
            None => weight.new_zeros([weight.size()[0]], (Kind::Double, weight.device())),
        };
        Self::Convolution { weight, bias, step: *step }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Convolution { weight, bias, step } => {
                x.conv2d(weight, Some(bias), [step.stride; 2], [step.padding; 2], [1, 1], 1)
            }
            Self::Dense { weight, bias } => x.linear(weight, Some(bias)),
            Self::Scaling { weight, bias } => x * weight + bias,
            Self::AveragePool(to) => averaged(*to, x),
            Self::Halve(halving) => halving.of(x),
            Self::Mean { order } => {
                let size = x.size();
                let each = x.reshape([size[0], *order, size[1] / order, -1]);
                each.mean_dim([1, 3].as_slice(), false, Kind::Double)
            }
        }
    }

    /// The derivative by the input, given that by the output.
    pub(super) fn back(&self, x: &Tensor, signal: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Convolution { weight, step, .. } => input_gradient(signal, x, weight, *step)?,
            Self::Dense { weight, .. } => signal.matmul(weight),
            Self::Scaling { weight, .. } => signal * weight,
            Self::AveragePool(to) => average_gradient(*to, x, signal),
            Self::Halve(halving) => halving.gradient(x, signal),
            Self::Mean { order } => {
                let size = x.size();
                let each = signal / (order * size[2] * size[3]) as f64;
                each.repeat([1, *order]).view([size[0], size[1], 1, 1]).expand(&size, false)
            }
        })
    }

    /// A convolution with other weights, and the same bias; what else there is stays as it is.
    pub(super) fn reweighted(&self, weights: impl Fn(&Tensor) -> Tensor) -> Option<Self> {
        match self {
            Self::Convolution { weight, bias, step } => {
                let (weight, bias) = (weights(weight), bias.shallow_clone());
                Some(Self::Convolution { weight, bias, step: *step })
            }
            Self::Dense { .. }
            | Self::Scaling { .. }
            | Self::AveragePool(_)
            | Self::Halve(_)
            | Self::Mean { .. } => None,
        }
    }
}
