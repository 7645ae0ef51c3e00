//! Guided backpropagation (Springenberg et al. 2015).
//!
//! The backward pass of dy/dx with another rule at ReLUs: a signal passes where the ReLU's input and the signal are both
//! positive. The map is the largest magnitude over the channels. `attribution` is signed.

use anyhow::Result;
use pcamflow::report::Sign;
use tch::Tensor;

use super::{
    attributing::{Attributing, Scalars, strongest},
    by_rules::by_rules,
};
use crate::model::{Classifier, Guided};

pub(super) struct GuidedBackprop;

impl Attributing for GuidedBackprop {
    fn attribute(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        scalars: Scalars<'_>,
        at_once: usize,
    ) -> Result<(Vec<f32>, Tensor)> {
        by_rules(network, &Guided, images, at_once, &|index, logit| scalars(index, logit).slope(logit))
    }

    fn maps(&self, attribution: &Tensor) -> Tensor {
        strongest(attribution)
    }

    fn title(&self) -> String {
        "Guided backpropagation".to_owned()
    }

    fn sign(&self) -> Sign {
        Sign::Positive
    }
}
