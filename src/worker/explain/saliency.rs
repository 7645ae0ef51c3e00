//! Saliency (Simonyan et al. 2014), and the gradient that other methods use.
//!
//! With y the explained scalar, the saliency of a pixel is the largest |dy/dx| of its three channels. `attribution` is
//! the signed gradient.

use anyhow::Result;
use pcamflow::report::Sign;
use tch::Tensor;

use super::{
    attributing::{Attributing, Scalars, strongest},
    passes::{gradients, scaled},
};
use crate::model::Classifier;

pub(super) struct Saliency;

impl Attributing for Saliency {
    fn attribute(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        scalars: Scalars<'_>,
        _at_once: usize,
    ) -> Result<(Vec<f32>, Tensor)> {
        by_gradient(network, images, scalars)
    }

    fn maps(&self, attribution: &Tensor) -> Tensor {
        strongest(attribution)
    }

    fn title(&self) -> String {
        "Saliency".to_owned()
    }

    fn noisy_title(&self, statistic: &str) -> String {
        statistic.to_owned()
    }

    fn sign(&self) -> Sign {
        Sign::Positive
    }
}

/// The logits of images and dy/dx [n, 3, S, S], all at once.
pub(super) fn by_gradient(
    network: &dyn Classifier,
    images: &Tensor,
    scalars: Scalars<'_>,
) -> Result<(Vec<f32>, Tensor)> {
    let (logits, gradient) = gradients(network, images)?;
    let slopes: Vec<f64> =
        logits.iter().enumerate().map(|(index, &logit)| scalars(index, logit).slope(logit)).collect();
    Ok((logits, scaled(gradient, &slopes)))
}
