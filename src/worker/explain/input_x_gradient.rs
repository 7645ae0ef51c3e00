//! Input x gradient (Shrikumar et al. 2016).
//!
//! With y the explained scalar, the attribution is x dy/dx, and the map its sum over the channels. x is the image in
//! [0, 1], also if the network normalises it.

use anyhow::Result;
use pcamflow::report::Sign;
use tch::Tensor;

use super::{
    attributing::{Attributing, Scalars, summed},
    saliency::by_gradient,
};
use crate::model::Classifier;

pub(super) struct InputXGradient;

impl Attributing for InputXGradient {
    fn attribute(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        scalars: Scalars<'_>,
        _at_once: usize,
    ) -> Result<(Vec<f32>, Tensor)> {
        let (logits, gradient) = by_gradient(network, images, scalars)?;
        Ok((logits, gradient * images))
    }

    fn maps(&self, attribution: &Tensor) -> Tensor {
        summed(attribution)
    }

    fn title(&self) -> String {
        "Input x gradient".to_owned()
    }

    fn sign(&self) -> Sign {
        Sign::Magnitude
    }
}
