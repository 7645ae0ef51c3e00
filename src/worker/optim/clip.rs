//! Gradient clipping as `torch.nn.utils.clip_grad_norm_` computes it.

use tch::{Kind, Tensor};

/// Added to the norm, as PyTorch does, so that a gradient of 0 is not divided by 0.
const EPSILON: f64 = 1e-6;

/// Multiplies all gradients by `most` / norm if their common norm is larger than `most`. The factor stays on
/// the device, so that nothing waits for a GPU.
pub(super) fn clipped(gradients: Vec<Tensor>, most: f64) -> Vec<Tensor> {
    let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
    let factor = (Tensor::stack(&norms, 0).norm() + EPSILON).reciprocal() * most;
    let factor = factor.clamp_max(1.0).to_kind(Kind::Float);
    gradients.into_iter().map(|mut gradient| gradient.g_mul_(&factor)).collect()
}
