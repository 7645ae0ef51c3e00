//! The rule of guided backpropagation (Springenberg et al. 2015).

use tch::{Kind, Tensor};

use super::rule::Rules;

/// At a ReLU, only a positive signal passes, and only where the input is positive.
pub(crate) struct Guided;

impl Rules for Guided {
    fn relu(&self, before: &Tensor, signal: Tensor) -> Tensor {
        signal.relu() * before.gt(0.0).to_kind(Kind::Double)
    }
}
