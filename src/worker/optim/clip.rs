//! Gradient clipping as `torch.nn.utils.clip_grad_norm_` computes it.

use tch::{Kind, Tensor};

/// Added to the norm, as PyTorch does: a gradient of 0 is divided by it.
const EPSILON: f64 = 1e-6;

/// The gradients, all multiplied by `most` / norm where their norm together is larger than `most`.
///
/// Never waits for a GPU: the factor stays there.
pub(super) fn shortened(gradients: Vec<Tensor>, most: f64) -> Vec<Tensor> {
    let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
    let factor = (Tensor::stack(&norms, 0).norm() + EPSILON).reciprocal() * most;
    let factor = factor.clamp_max(1.0).to_kind(Kind::Float);
    gradients.into_iter().map(|mut gradient| gradient.g_mul_(&factor)).collect()
}
