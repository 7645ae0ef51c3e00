//! The layers `Conv2d`, `BatchNorm2d` and `Linear` of PyTorch.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::{
    Mode,
    source::{Initial, Maker},
};
use crate::{kernels::Scale, libtorch::Step};

/// The shape of a convolution. The padding keeps rows and columns at stride 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) inputs: i64,
    pub(super) outputs: i64,
    /// Rows and columns of the kernel, odd.
    pub(super) kernel: i64,
    pub(super) stride: i64,
    pub(super) bias: bool,
}

/// A convolution: [N, in, h, w] to [N, out, h / stride, w / stride], rounded up.
#[derive(Debug)]
pub(super) struct Convolution {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) step: Step,
}

impl Convolution {
    /// Filters of any shape [out, .., kernel, kernel] without a bias, at stride 1 or another one.
    pub(super) fn normal(name: &str, size: &[i64], stride: i64, maker: &mut Maker) -> Result<Self> {
        let fan_in = size[1..].iter().product();
        let weight = maker.parameter(&format!("{name}.weight"), size, Initial::Normal { fan_in })?;
        Ok(Self { weight, bias: None, step: Step { stride, padding: size[size.len() - 1] / 2 } })
    }

    pub(super) fn new(name: &str, shape: Shape, maker: &mut Maker) -> Result<Self> {
        let Shape { inputs, outputs, kernel, stride, bias } = shape;
        let fan_in = inputs * kernel * kernel;
        let size = [outputs, inputs, kernel, kernel];
        let weight = maker.parameter(&format!("{name}.weight"), &size, Initial::Weight { fan_in })?;
        let bias = match bias {
            true => Some(maker.parameter(&format!("{name}.bias"), &[outputs], Initial::Bias { fan_in })?),
            false => None,
        };
        Ok(Self { weight, bias, step: Step { stride, padding: kernel / 2 } })
    }

    /// The same without padding.
    pub(super) fn unpadded(&self) -> Self {
        let bias = self.bias.as_ref().map(Tensor::shallow_clone);
        Self { weight: self.weight.shallow_clone(), bias, step: Step { padding: 0, ..self.step } }
    }

    /// Computes with the kind of numbers of `x`.
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let (stride, padding) = ([self.step.stride; 2], [self.step.padding; 2]);
        let bias = self.bias.as_ref().map(|bias| bias.to_kind(x.kind()));
        x.conv2d(&self.weight.to_kind(x.kind()), bias, stride, padding, [1, 1], 1)
    }
}

/// PyTorch's default weight of a batch in the running statistics.
pub(super) const MOMENTUM: f64 = 0.1;
/// PyTorch's default, added to the variance.
pub(super) const EPSILON: f64 = 1e-5;

/// Batch normalisation of each channel of [N, channels, h, w], or of [N, elements of a group x channels, h, w], where
/// all elements share the statistics.
#[derive(Debug)]
pub(super) struct BatchNorm {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
    pub(super) running_mean: Tensor,
    pub(super) running_var: Tensor,
}

impl BatchNorm {
    pub(super) fn new(name: &str, channels: i64, maker: &mut Maker) -> Result<Self> {
        let shape = &[channels];
        Ok(Self {
            weight: maker.parameter(&format!("{name}.weight"), shape, Initial::Ones)?,
            bias: maker.parameter(&format!("{name}.bias"), shape, Initial::Zeros)?,
            running_mean: maker.buffer(&format!("{name}.running_mean"), shape, Initial::Zeros)?,
            running_var: maker.buffer(&format!("{name}.running_var"), shape, Initial::Ones)?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        let (mean, variance) = (Some(&self.running_mean), Some(&self.running_var));
        let normed = |x: &Tensor| {
            x.batch_norm(weight, bias, mean, variance, mode == Mode::Training, MOMENTUM, EPSILON, true)
        };
        let (channels, size) = (self.weight.size()[0], x.size());
        if size[1] == channels {
            return normed(x);
        }
        let each = x.reshape([size[0], -1, channels, size[2], size[3]]).transpose(1, 2);
        normed(&each).transpose(1, 2).reshape(size.as_slice())
    }
}

impl BatchNorm {
    /// What it multiplies each channel with in inference, and what it adds then, `[C]` each in float64.
    pub(super) fn factor_and_bias(&self) -> [Tensor; 2] {
        let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
        let factor = double(&self.weight) / (double(&self.running_var) + EPSILON).sqrt();
        let bias = double(&self.bias) - double(&self.running_mean) * &factor;
        [factor, bias]
    }

    /// The norm in inference, for our kernel.
    ///
    /// # Errors
    /// A tensor is not float32.
    pub(super) fn scale(&self) -> Result<Scale> {
        let values = |tensor: &Tensor| Vec::<f32>::try_from(tensor.detach().to_device(Device::Cpu));
        let [weight, bias] = [values(&self.weight)?, values(&self.bias)?];
        let [mean, variance] = [values(&self.running_mean)?, values(&self.running_var)?];
        Ok(Scale::of_norm(&weight, &bias, &mean, &variance, EPSILON as f32))
    }
}

/// An affine map of the last dimension: [N, in] to [N, out].
#[derive(Debug)]
pub(super) struct Linear {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl Linear {
    pub(super) fn new(name: &str, inputs: i64, outputs: i64, maker: &mut Maker) -> Result<Self> {
        let fan_in = inputs;
        let size = [outputs, inputs];
        Ok(Self {
            weight: maker.parameter(&format!("{name}.weight"), &size, Initial::Weight { fan_in })?,
            bias: maker.parameter(&format!("{name}.bias"), &[outputs], Initial::Bias { fan_in })?,
        })
    }

    /// As `new`, with a bias that starts at 0.
    pub(super) fn unbiased(name: &str, inputs: i64, outputs: i64, maker: &mut Maker) -> Result<Self> {
        let fan_in = inputs;
        let size = [outputs, inputs];
        Ok(Self {
            weight: maker.parameter(&format!("{name}.weight"), &size, Initial::Weight { fan_in })?,
            bias: maker.parameter(&format!("{name}.bias"), &[outputs], Initial::Cleared { fan_in })?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}
