//! Score-CAM (Wang et al. 2020).
//!
//! Each channel of the activations is enlarged to the size of the image, scaled to [0, 1], and multiplied with the image.
//! The weights are the softmax over the channels of the scores of these copies. Channels are enlarged bilinearly with
//! half-pixel centres, as in the authors' code.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::weighed::Weighed;
use crate::{
    explain::{passes::logits, question::Scalar},
    model::Classifier,
};

/// Added to the range of a channel.
const EPSILON: f64 = 1e-8;

pub(super) fn weigh(
    network: &dyn Classifier,
    layer: &str,
    image: &Tensor,
    scalar: Scalar,
    at_once: usize,
) -> Result<Weighed> {
    let activation = network.activation(image, layer)?;
    let mut scores = Vec::new();
    for channels in activation.permute([1, 0, 2, 3]).split(at_once as i64, 0) {
        let copies = image * masks(&channels, &image.size()[2..]);
        scores.extend(logits(network, &copies, at_once)?.into_iter().map(|logit| scalar.value(logit)));
    }
    let weights = Tensor::from_slice(&scores).to_device(image.device()).softmax(0, Kind::Double);
    Ok((weights.view([1, -1, 1, 1]), activation))
}

/// Channels [k, 1, h, w] as masks in [0, 1] of the size of the image.
fn masks(channels: &Tensor, side: &[i64]) -> Tensor {
    let large = channels.contiguous().upsample_bilinear2d(side, false, None, None);
    let [least, most] = [large.amin([2, 3].as_slice(), true), large.amax([2, 3].as_slice(), true)];
    (large - &least) / (most - least + EPSILON)
}
