//! Methods that attribute the score of an image to its values, and the explainer of one.
//!
//! Knows neither noise nor any method. `noise_tunnel` asks the same methods about noisy copies.

use anyhow::Result;
use pcamflow::report::{FullColor, Sign};
use tch::{Kind, Tensor};

use super::{Arrays, Display, Explainer, Maps, Query, numbers, question::Scalar};
use crate::model::Classifier;

/// The explained scalar of an image, given its index and its logit.
pub(super) type Scalars<'a> = &'a dyn Fn(usize, f32) -> Scalar;

/// A method whose result for an image depends on that image alone.
pub(super) trait Attributing: Sync {
    /// The logits of images [n, 3, S, S], and the signed attribution of each, [n, 3, S, S] in float32.
    ///
    /// # Errors
    /// libtorch reports an error.
    fn attribute(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        scalars: Scalars<'_>,
        at_once: usize,
    ) -> Result<(Vec<f32>, Tensor)>;

    /// The maps of attributions: [n, 3, S, S] to [n, S, S].
    fn maps(&self, attribution: &Tensor) -> Tensor;

    /// How many noisy copies of an image it gets at once, if `at_once` copies may exist.
    fn copies(&self, at_once: usize) -> usize {
        at_once
    }

    /// The method in words.
    fn title(&self) -> String;

    /// The same under noise, if `statistic` of the noisy copies is told: `SmoothGrad`.
    fn noisy_title(&self, statistic: &str) -> String {
        format!("{statistic} of {}", lower(&self.title()))
    }

    /// The sign of its maps.
    fn sign(&self) -> Sign;
}

/// Begins a title with a small letter.
fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The explainer that asks a method about the images as they are.
pub(super) struct Single<M>(pub(super) M);

impl<M: Attributing> Explainer for Single<M> {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let scalars = |index: usize, logit: f32| query.question.scalar(logit, query.labels[index]);
        let (logits, attribution) = self.0.attribute(network, query.images, &scalars, query.at_once)?;
        let map = numbers(&self.0.maps(&attribution))?;
        Ok(Maps { logits, map, attribution: numbers(&attribution)?, ..Maps::default() })
    }

    fn arrays(&self) -> Arrays {
        Arrays { attribution: true, ..Arrays::default() }
    }

    fn display(&self) -> Display {
        Display { title: self.0.title(), sign: self.0.sign(), full: FullColor::Percentile99 }
    }
}

/// The largest magnitude over the channels: [n, 3, S, S] to [n, S, S].
pub(super) fn strongest(attribution: &Tensor) -> Tensor {
    attribution.abs().amax([1].as_slice(), false)
}

/// The sum over the channels: [n, 3, S, S] to [n, S, S] in float32.
pub(super) fn summed(attribution: &Tensor) -> Tensor {
    attribution.sum_dim_intlist([1].as_slice(), false, Kind::Double).to_kind(Kind::Float)
}
