//! The explainers: from patches to maps of where a network sees the evidence.
//!
//! One file per method, and the one `match` that chooses among them. To add a method: its settings in
//! `stages::explain`, one file here that implements `Explainer`, one arm in `explainer`. Knows no files
//! and no stage; what is explained is `question`'s, on how many cores is `crew`'s.

mod arrays;
mod crew;
mod explainer;
mod grad_cam;
mod integrated_gradients;
mod noise;
mod occlusion;
mod passes;
mod quadrature;
mod question;
mod saliency;

use anyhow::{Context as _, Result};
use pcamflow::stages::explain::Method;

use crate::{baseline::Fill, model::Network};

pub(crate) use arrays::{Arrays, Delta, Maps};
pub(crate) use crew::Crew;
use explainer::numbers;
pub(crate) use explainer::{Asked, Display, Explainer, SIDE};
pub(crate) use question::Question;

/// What methods need beside their settings and a network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Seeds what is drawn.
    pub(crate) seed: u64,
    /// What stands where evidence is taken away; of [`Method::baseline`], where the method has one.
    pub(crate) fill: Option<Fill>,
}

impl Setup {
    fn fill(self) -> Result<Fill> {
        self.fill.context("the method came without its baseline")
    }
}

/// The explainer for a method, checked against the network before anything is computed.
///
/// # Errors
/// Settings that do not fit the network: an unknown layer.
pub(crate) fn explainer(method: &Method, network: &Network, setup: Setup) -> Result<Box<dyn Explainer>> {
    Ok(match method {
        Method::GradCam(settings) => Box::new(grad_cam::GradCam::new(settings, network)?),
        Method::Saliency(settings) => Box::new(saliency::Saliency::new(settings, setup.seed)),
        Method::Occlusion(settings) => Box::new(occlusion::Occlusion::new(settings, setup.fill()?)),
        Method::IntegratedGradients(settings) => {
            Box::new(integrated_gradients::IntegratedGradients::new(settings, setup.fill()?))
        }
    })
}

#[cfg(test)]
mod tests;
