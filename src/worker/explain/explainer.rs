//! What a method of explanation is, what it is asked, and how its maps are shown.

use anyhow::Result;
use pcamflow::report;
use tch::Tensor;

use super::{
    arrays::{Arrays, Maps},
    question::{Question, Scalar},
};
use crate::model::Network;

/// Pixels along each side of a map.
pub(crate) const SIDE: usize = 96;

/// One way of asking a network, ready to be used: its settings fit the network.
pub(crate) trait Explainer: Sync {
    /// Explains a batch. An image's map depends on that image alone, and the network stays as it is.
    ///
    /// # Errors
    /// What libtorch reports in a catchable form.
    fn explain(&self, network: &Network, asked: &Asked<'_>) -> Result<Maps>;

    /// What it hands out beside maps.
    fn arrays(&self) -> Arrays {
        Arrays::default()
    }

    /// How many images it computes with for each one that it explains.
    fn passes(&self) -> usize {
        1
    }

    /// How its maps are shown.
    fn display(&self) -> Display;
}

/// Some images, and what is asked about them.
pub(crate) struct Asked<'a> {
    /// float32 [N, 3, 96, 96] in [0, 1].
    pub(crate) images: &'a Tensor,
    /// 0 or 1 per image.
    pub(crate) labels: &'a [u8],
    /// Their rows: what is drawn for an image is seeded by its row.
    pub(crate) rows: &'a [i64],
    /// Which scalar is explained.
    pub(crate) question: Question,
    /// How many images may be computed with at once, altered copies of these included; at least 1.
    pub(crate) at_once: usize,
}

impl Asked<'_> {
    /// What is explained of each image, given its logit.
    pub(super) fn scalars<'a>(&'a self, logits: &'a [f32]) -> impl Iterator<Item = Scalar> + 'a {
        logits.iter().zip(self.labels).map(|(&logit, &label)| self.question.scalar(logit, label))
    }
}

/// How maps are shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Display {
    /// The method in words: `Grad-CAM, relu4`.
    pub(crate) title: String,
    /// Whether the maps are signed.
    pub(crate) sign: report::Sign,
    /// Which value has the strongest colour.
    pub(crate) full: report::FullColor,
}

/// The numbers of a tensor, row-major.
///
/// # Errors
/// It is not float32.
pub(super) fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.contiguous().view(-1))?)
}
