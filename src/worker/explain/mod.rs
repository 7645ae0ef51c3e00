//! The explainers: from patches to maps of where a network sees the evidence.
//!
//! One file per method, and the one `match` that chooses among them. To add a method: its settings in
//! `stages::explain`, one file here that implements `Explainer`, one arm in `explainer`. Knows no files
//! and no stage; what is explained is `question`'s, on how many cores is `crew`'s.

mod arrays;
mod crew;
mod grad_cam;
mod integrated_gradients;
mod noise;
mod occlusion;
mod passes;
mod quadrature;
mod question;
mod saliency;

use anyhow::{Context as _, Result};
use pcamflow::{report, stages::explain::Method};
use tch::Tensor;

use self::question::Scalar;
use crate::{baseline::Substrate, model::Network};

pub(crate) use arrays::{Arrays, Delta, Maps};
pub(crate) use crew::Crew;
pub(crate) use question::Question;

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
    fn scalars<'a>(&'a self, logits: &'a [f32]) -> impl Iterator<Item = Scalar> + 'a {
        logits.iter().zip(self.labels).map(|(&logit, &label)| self.question.scalar(logit, label))
    }
}

/// What methods need beside their settings and a network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Seeds what is drawn.
    pub(crate) seed: u64,
    /// What stands where evidence is taken away; of [`Method::baseline`], where the method has one.
    pub(crate) substrate: Option<Substrate>,
}

impl Setup {
    fn substrate(self) -> Result<Substrate> {
        self.substrate.context("the method came without its baseline")
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

/// The explainer for a method, checked against the network before anything is computed.
///
/// # Errors
/// Settings that do not fit the network: an unknown layer.
pub(crate) fn explainer(method: &Method, network: &Network, setup: Setup) -> Result<Box<dyn Explainer>> {
    Ok(match method {
        Method::GradCam(settings) => Box::new(grad_cam::GradCam::new(settings, network)?),
        Method::Saliency(settings) => Box::new(saliency::Saliency::new(settings, setup.seed)),
        Method::Occlusion(settings) => Box::new(occlusion::Occlusion::new(settings, setup.substrate()?)),
        Method::IntegratedGradients(settings) => {
            Box::new(integrated_gradients::IntegratedGradients::new(settings, setup.substrate()?))
        }
    })
}

/// The numbers of a tensor, row-major.
///
/// # Errors
/// It is not float32.
fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.contiguous().view(-1))?)
}

#[cfg(test)]
mod tests;
