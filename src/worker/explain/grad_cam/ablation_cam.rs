//! Ablation-CAM (Desai & Ramaswamy 2020).
//!
//! The weight of channel k is (y - y_k) / |y|, where y_k is the score if all activations of that channel are 0. The paper
//! divides by y, which turns the map round where y is negative. Only what follows the layer is computed again.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::weighed::Weighed;
use crate::{
    explain::{numbers, question::Scalar},
    model::{Classifier, known},
};

/// Smaller scores are replaced by this in the denominator.
const LEAST_SCORE: f64 = 1e-6;

pub(super) fn weigh(
    network: &dyn Classifier,
    layer: &str,
    image: &Tensor,
    scalar: Scalar,
    at_once: usize,
) -> Result<Weighed> {
    let network = known(network)?;
    let cut = network.cut(image, layer)?;
    let scores = |output: &Tensor| -> Result<Vec<f64>> {
        let logits = numbers(&network.forward_from(&cut, output)?)?;
        Ok(logits.into_iter().map(|logit| scalar.value(logit)).collect())
    };
    let whole = scores(cut.output())?.first().copied().unwrap_or(f64::NAN);
    let channels = cut.output().size()[1];
    let others = Tensor::ones([channels; 2], (Kind::Float, image.device()))
        - Tensor::eye(channels, (Kind::Float, image.device()));
    let mut weights = Vec::new();
    for others in others.view([channels, channels, 1, 1]).split(at_once as i64, 0) {
        let lost = scores(&(cut.output() * others))?.into_iter().map(|score| whole - score);
        weights.extend(lost.map(|lost| lost / whole.abs().max(LEAST_SCORE)));
    }
    let weights = Tensor::from_slice(&weights).to_device(image.device()).view([1, -1, 1, 1]);
    Ok((weights, cut.output().shallow_clone()))
}
