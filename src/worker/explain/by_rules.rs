//! Backward passes by rules, for all images of a batch.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::numbers;
use crate::model::{Classifier, Rules, known};

/// A pass by rules is in float64 and keeps all that it has computed: about as much as these images in float32.
const AS_MANY: usize = 8;

/// How many images such a pass may have, if `at_once` copies may exist.
pub(super) fn together(at_once: usize) -> usize {
    (at_once / AS_MANY).max(1)
}

/// The logits of images [n, 3, S, S], and what arrives at each image [n, 3, S, S] if `start` of its index and its logit
/// is what begins at the logit.
pub(super) fn by_rules(
    network: &dyn Classifier,
    rules: &dyn Rules,
    images: &Tensor,
    at_once: usize,
    start: &dyn Fn(usize, f32) -> f64,
) -> Result<(Vec<f32>, Tensor)> {
    let network = known(network)?;
    let (mut all, mut arrived) = (Vec::new(), Vec::new());
    for images in images.split(together(at_once) as i64, 0) {
        let trace = network.trace(&images)?;
        let logits = numbers(&trace.logits().to_kind(Kind::Float))?;
        let starts = logits.iter().enumerate().map(|(at, &logit)| start(all.len() + at, logit));
        let signal = network.hand_back(&trace, rules, &starts.collect::<Vec<_>>())?;
        arrived.push(signal.to_kind(Kind::Float));
        all.extend(logits);
    }
    Ok((all, Tensor::cat(&arrived, 0)))
}
