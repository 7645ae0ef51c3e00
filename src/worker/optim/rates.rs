//! What the rules of all optimisers share.

use tch::Tensor;

/// What a schedule varies from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    /// Step size.
    pub(crate) learning_rate: f64,
    /// SGD's momentum, Adam's `beta1`; `None`: as the settings say.
    pub(crate) momentum: Option<f64>,
}

pub(super) fn zeros_like(tensors: &[&Tensor]) -> Vec<Tensor> {
    tensors.iter().map(|tensor| tensor.zeros_like().detach()).collect()
}
