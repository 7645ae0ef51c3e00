//! The explainers: maps of where a network sees the evidence in patches.
//!
//! One file per method. To add a method: its settings in `stages::explain`, a file here with an `Explainer`, an
//! arm in `explainer`. `question` is what is explained, `crew` spreads the work over the cores.

mod adaptive;
mod arrays;
mod crew;
mod explainer;
mod grad_cam;
mod integrated_gradients;
mod line;
mod mesh;
mod noise;
mod occlusion;
mod passes;
mod quadrature;
mod question;
mod saliency;

use anyhow::{Context as _, Result};
use pcamflow::{side::Side, stages::explain::Method};

use crate::{baseline::Fill, model::Classifier};

pub(crate) use arrays::{Arrays, Delta, Maps};
pub(crate) use crew::Crew;
use explainer::numbers;
pub(crate) use explainer::{Display, Explainer, Query};
pub(crate) use question::Question;

/// The explainer of a method for a network. `seed` is for methods that draw, `fill` is the baseline of methods that
/// need one (see [`Method::baseline`]), `side` is that of the images.
///
/// # Errors
/// The settings do not fit the network, or the baseline is missing.
pub(crate) fn explainer(
    method: &Method,
    network: &dyn Classifier,
    seed: u64,
    fill: Option<Fill>,
    side: Side,
) -> Result<Box<dyn Explainer>> {
    let fill = || fill.context("the method needs a baseline");
    Ok(match method {
        Method::GradCam(settings) => Box::new(grad_cam::GradCam::new(settings, network, side)?),
        Method::Saliency(settings) => Box::new(saliency::Saliency::new(settings, seed)),
        Method::Occlusion(settings) => Box::new(occlusion::Occlusion::new(settings, fill()?, side)?),
        Method::IntegratedGradients(settings) => {
            Box::new(integrated_gradients::IntegratedGradients::new(settings, fill()?))
        }
    })
}

#[cfg(test)]
mod tests;
