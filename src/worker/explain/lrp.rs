//! Layer-wise relevance propagation (Bach et al. 2015) with the epsilon and the gamma rule (Montavon et al. 2019).
//!
//! The value of the explained scalar y is handed back layer by layer: the inputs a_j of a sum z = sum_j a_j w_j + b get
//! a_j w_j R / (z + epsilon sign z) of its relevance R. With the gamma rule, convolutions after the first
//! have w + gamma max(w, 0) for w: it is meant for activations, which are not negative.
//! Each batch normalisation is part of its convolution. ReLUs pass on what they get. The map is the sum over the channels.
//! Of a network that normalises its images, the relevance is that of the normalised image.

use anyhow::Result;
use pcamflow::{
    report::Sign,
    stages::explain::{Lrp as Settings, LrpRule},
};
use tch::Tensor;

use super::{
    attributing::{Attributing, Scalars, summed},
    by_rules::by_rules,
};
use crate::model::{Classifier, Relevance};

pub(super) struct Lrp {
    rule: Relevance,
    title: String,
}

impl Lrp {
    pub(super) fn new(settings: &Settings) -> Self {
        let &Settings { rule, epsilon, gamma } = settings;
        let (gamma, title) = match rule {
            LrpRule::Epsilon => (0.0, format!("LRP, epsilon {epsilon}")),
            LrpRule::Gamma => (gamma, format!("LRP, gamma {gamma}, epsilon {epsilon}")),
        };
        Self { rule: Relevance { epsilon, gamma }, title }
    }
}

impl Attributing for Lrp {
    fn attribute(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        scalars: Scalars<'_>,
        at_once: usize,
    ) -> Result<(Vec<f32>, Tensor)> {
        by_rules(network, &self.rule, images, at_once, &|index, logit| scalars(index, logit).value(logit))
    }

    fn maps(&self, attribution: &Tensor) -> Tensor {
        summed(attribution)
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn sign(&self) -> Sign {
        Sign::Magnitude
    }
}
