//! The rules of layer-wise relevance propagation (Bach et al. 2015; Montavon et al. 2019).
//!
//! A sum z of parts z_j that has the relevance R gives z_j R / (z + epsilon sign z) to each part.

use anyhow::Result;
use tch::Tensor;

use super::{
    linear::Linear,
    rule::{Rules, pool_back},
};
use crate::kernels::MaxPool;

/// The epsilon rule; convolutions after the first have the gamma rule if `gamma` is above 0.
pub(crate) struct Relevance {
    /// Above 0.
    pub(crate) epsilon: f64,
    /// Positive weights of convolutions grow by this share. The bias stays as it is.
    pub(crate) gamma: f64,
}

impl Relevance {
    /// The relevance of sums, divided by them.
    fn share(&self, relevance: &Tensor, sums: &Tensor) -> Tensor {
        // The sign of 0 is 1.
        let sign = sums.ge(0.0).to_kind(sums.kind()) * 2.0 - 1.0;
        relevance / (sums + sign * self.epsilon)
    }
}

impl Rules for Relevance {
    fn linear(&self, linear: &Linear, x: &Tensor, output: &Tensor, relevance: &Tensor) -> Result<Tensor> {
        let favoured = |weight: &Tensor| weight + weight.relu() * self.gamma;
        let favouring = if self.gamma > 0.0 { linear.reweighted(favoured) } else { None };
        match favouring {
            Some(linear) => Ok(x * linear.back(x, &self.share(relevance, &linear.forward(x)))?),
            None => self.first(linear, x, output, relevance),
        }
    }

    /// By the epsilon rule: gamma is for activations, which are not negative.
    fn first(&self, linear: &Linear, x: &Tensor, output: &Tensor, relevance: &Tensor) -> Result<Tensor> {
        Ok(x * linear.back(x, &self.share(relevance, output))?)
    }

    fn sum(&self, parts: [&Tensor; 2], relevance: Tensor) -> [Tensor; 2] {
        let share = self.share(&relevance, &(parts[0] + parts[1]));
        parts.map(|part| part * &share)
    }

    fn relu(&self, _before: &Tensor, relevance: Tensor) -> Tensor {
        relevance
    }

    fn max_pool(&self, pool: MaxPool, x: &Tensor, relevance: &Tensor) -> Tensor {
        // The largest input is the sum.
        pool_back(pool, x, relevance)
    }

    fn is_by_values(&self) -> bool {
        false
    }
}
