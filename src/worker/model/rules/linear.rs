//! The linear parts of a network, apart from their biases: how they compute, and how a derivative goes back.

use anyhow::Result;
use tch::{Kind, Tensor};

use crate::{
    libtorch::{Step, input_gradient},
    model::averaging::{average_gradient, averaged},
};

/// A linear part. Tensors are float64.
pub(crate) enum Linear {
    /// [n, in, h, w] to [n, out, h', w'].
    Convolution { weight: Tensor, bias: Tensor, step: Step },
    /// [n, in] to [n, out].
    Dense { weight: Tensor, bias: Tensor },
    /// Means of windows that cover the map, to so many rows and columns.
    AveragePool(i64),
    /// The mean of each channel, [n, C, h, w] to [n, C].
    Mean,
}

impl Linear {
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Convolution { weight, bias, step } => {
                x.conv2d(weight, Some(bias), [step.stride; 2], [step.padding; 2], [1, 1], 1)
            }
            Self::Dense { weight, bias } => x.linear(weight, Some(bias)),
            Self::AveragePool(to) => averaged(*to, x),
            Self::Mean => x.mean_dim([2, 3].as_slice(), false, Kind::Double),
        }
    }

    /// The derivative by the input, given that by the output.
    pub(super) fn back(&self, x: &Tensor, signal: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Convolution { weight, step, .. } => input_gradient(signal, x, weight, *step)?,
            Self::Dense { weight, .. } => signal.matmul(weight),
            Self::AveragePool(to) => average_gradient(*to, x, signal),
            Self::Mean => {
                let size = x.size();
                (signal / (size[2] * size[3]) as f64).view([size[0], size[1], 1, 1]).expand(&size, false)
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
            Self::Dense { .. } | Self::AveragePool(_) | Self::Mean => None,
        }
    }
}
