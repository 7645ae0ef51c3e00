//! Shared by all optimisers.

use tch::Tensor;

/// The values that a schedule changes from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    /// Step size.
    pub(crate) learning_rate: f64,
    /// SGD's momentum or Adam's `beta1`; `None` keeps the setting.
    pub(crate) momentum: Option<f64>,
}

pub(super) fn zeros_like(tensors: &[&Tensor]) -> Vec<Tensor> {
    tensors.iter().map(|tensor| tensor.zeros_like().detach()).collect()
}
