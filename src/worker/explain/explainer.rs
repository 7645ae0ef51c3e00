//! The interface of explainers: what they get, and how their maps are shown.

use anyhow::Result;
use pcamflow::report;
use tch::Tensor;

use super::{
    arrays::{Arrays, Maps},
    question::{Question, Scalar},
};
use crate::model::Classifier;

/// A method with settings that fit a network.
pub(crate) trait Explainer: Sync {
    /// Explains a batch. A map depends only on its image, and the network does not change.
    ///
    /// # Errors
    /// libtorch reports an error.
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps>;

    /// The arrays beside the maps.
    fn arrays(&self) -> Arrays {
        Arrays::default()
    }

    /// How many copies of each image it computes with; 1 if that differs from image to image.
    fn passes(&self) -> usize {
        1
    }

    /// Whether some images take much longer than others. Then each is a task of its own for the threads.
    fn is_uneven(&self) -> bool {
        false
    }

    /// How to show its maps.
    fn display(&self) -> Display;
}

/// Some images, and the question about them.
pub(crate) struct Query<'a> {
    /// float32 [N, 3, S, S] in [0, 1].
    pub(crate) images: &'a Tensor,
    /// 0 or 1 per image.
    pub(crate) labels: &'a [u8],
    /// Their rows, which seed the noise of each image.
    pub(crate) rows: &'a [i64],
    /// The explained scalar.
    pub(crate) question: Question,
    /// How many images or altered copies may be computed at once; at least 1.
    pub(crate) at_once: usize,
}

impl Query<'_> {
    /// The explained scalar of each image, given the logits of the images.
    pub(super) fn scalars<'a>(&'a self, logits: &'a [f32]) -> impl Iterator<Item = Scalar> + 'a {
        logits.iter().zip(self.labels).map(|(&logit, &label)| self.question.scalar(logit, label))
    }

    /// The derivative of each scalar by its logit.
    pub(super) fn slopes(&self, logits: &[f32]) -> Vec<f64> {
        self.scalars(logits).zip(logits).map(|(scalar, &logit)| scalar.slope(logit)).collect()
    }
}

/// How to show maps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Display {
    /// The method in words: `Grad-CAM, relu4`.
    pub(crate) title: String,
    /// Whether the maps are signed.
    pub(crate) sign: report::Sign,
    /// The value with the strongest colour.
    pub(crate) full: report::FullColor,
}

/// The values of a float32 tensor, row-major.
///
/// # Errors
/// The tensor has another type.
pub(super) fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.contiguous().view(-1))?)
}
