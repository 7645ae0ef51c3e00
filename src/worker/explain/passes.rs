//! Passes through a network that every method shares: logits, and gradients at the image.
//!
//! What a method computes with is `[n, 3, 96, 96]`, stored channels last: the order in which a CPU pools
//! and normalises fastest.

use anyhow::{Context as _, Result};
use tch::{Kind, Tensor, no_grad};

use super::numbers;
use crate::model::{Mode, Network};

/// One image at a time: libtorch chooses its kernels by the batch, and so not even the bits of what is found
/// out then depend on what is computed beside it.
pub(super) const ALONE: usize = 1;

/// The logits `[n]` of images, `at_once` of them at a time.
pub(super) fn logits(network: &Network, images: &Tensor, at_once: usize) -> Result<Vec<f32>> {
    let mut logits = Vec::new();
    for images in images.split(at_once as i64, 0) {
        logits.extend(numbers(&no_grad(|| network.forward(&images, Mode::Inference)))?);
    }
    Ok(logits)
}

/// The logits `[n]` and dz/dx [n, 3, 96, 96] of images, all at once. Nothing is recorded for the weights.
pub(super) fn gradients(network: &Network, images: &Tensor) -> Result<(Vec<f32>, Tensor)> {
    let leaf = images.detach().set_requires_grad(true);
    let logits = network.forward(&leaf, Mode::Inference);
    // An image's logit depends on that image alone: the gradient of the sum is each one's own.
    let gradients = Tensor::run_backward(&[logits.sum(Kind::Float)], &[&leaf], false, false);
    let gradient = gradients.into_iter().next().context("libtorch returned no gradient")?;
    Ok((numbers(&logits.detach())?, gradient))
}

/// A factor per image [n, 1, 1, 1], for images [n, 3, 96, 96] of that kind and place.
pub(super) fn factors(values: &[f64], like: &Tensor) -> Tensor {
    let factors = Tensor::from_slice(values).to_kind(like.kind()).to_device(like.device());
    factors.view([-1, 1, 1, 1])
}
