//! The straight line from a baseline to an image, along which integrated gradients integrate.
//!
//! Knows the images on it, and what an integral of gradients along it means. Rules and networks are known elsewhere.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{Delta, passes::factors, question::Scalar};

/// Smaller changes of the score are replaced by this for the relative delta.
const LEAST_CHANGE: f64 = 1e-6;

/// The line of one image, channels last: [1, S, S, 3].
pub(super) struct Line {
    from: Tensor,
    step: Tensor,
    scalar: Scalar,
    /// y(x) - y(x').
    change: f64,
}

impl Line {
    /// The line from a baseline to an image, [1, 3, S, S] each.
    pub(super) fn new(image: &Tensor, baseline: &Tensor, scalar: Scalar, change: f64) -> Self {
        let from = baseline.permute([0, 2, 3, 1]);
        Self { step: image.permute([0, 2, 3, 1]) - &from, from, scalar, change }
    }

    /// The images at these shares of the way, [n, S, S, 3].
    pub(super) fn images(&self, at: &[f64]) -> Tensor {
        &self.from + &self.step * factors(at, &self.step)
    }

    /// The scalar at a logit.
    pub(super) fn value(&self, logit: f32) -> f64 {
        self.scalar.value(logit)
    }

    /// The derivative of the scalar by a logit.
    pub(super) fn slope(&self, logit: f32) -> f64 {
        self.scalar.slope(logit)
    }

    /// The derivatives along the line of something with these gradients, [n, S, S, 3], in float64.
    pub(super) fn along(&self, gradients: &Tensor) -> Result<Vec<f64>> {
        let products = gradients.to_kind(Kind::Double) * self.step.to_kind(Kind::Double);
        Ok(Vec::try_from(products.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Double))?)
    }

    /// By how much attributions with this sum are not complete, and the same relative to the change of the scalar.
    pub(super) fn incompleteness(&self, sum: f64) -> (f64, f64) {
        let delta = sum - self.change;
        (delta, delta.abs() / self.change.abs().max(LEAST_CHANGE))
    }

    /// An integral that is 0 so far, [1, 3, S, S] in float64, stored channels last.
    pub(super) fn zeros(&self) -> Tensor {
        self.step.permute([0, 3, 1, 2]).to_kind(Kind::Double).zeros_like()
    }

    /// The attribution [1, 3, S, S] from the integral of dy/dx, and how complete it is. In float64, so that sums
    /// are precise.
    pub(super) fn attribution(&self, integral: &Tensor, steps: usize) -> (Tensor, Delta) {
        let attribution = self.step.permute([0, 3, 1, 2]).to_kind(Kind::Double) * integral;
        let (delta, relative) = self.incompleteness(attribution.sum(Kind::Double).double_value(&[]));
        (attribution, Delta { delta, relative, steps })
    }
}
