//! The explainers: maps of where a network sees the evidence in patches.
//!
//! One file per method. To add a method: its settings in `stages::explain`, a file here with an `Explainer`, a line in
//! `explainer`. Methods that attribute the score to the values of an image are `Attributing`: they get their explainer,
//! and noisy copies (`smooth`), from `attributed`. `question` is what is explained, `crew` spreads the work over the
//! cores.

mod adaptive;
mod arrays;
mod attributing;
mod by_rules;
mod crew;
mod deep_lift;
mod explainer;
mod grad_cam;
mod gradient_shap;
mod guided_backprop;
mod input_x_gradient;
mod integrated_gradients;
mod line;
mod lrp;
mod masks;
mod mesh;
mod noise;
mod noise_tunnel;
mod occlusion;
mod passes;
mod quadrature;
mod question;
mod rise;
mod saliency;

use anyhow::{Context as _, Result};
use pcamflow::{
    side::Side,
    stages::explain::{Method, Smooth},
};

use crate::{baseline::Fill, model::Classifier};

pub(crate) use arrays::{Arrays, Delta, Maps};
use attributing::{Attributing, Single};
pub(crate) use crew::Crew;
use explainer::numbers;
pub(crate) use explainer::{Display, Explainer, Query};
use noise_tunnel::NoiseTunnel;
pub(crate) use question::Question;

/// The explainer of a method for a network. `seed` is for methods that draw, `fill` is the baseline of methods that
/// need one (see [`Settings::baseline`](pcamflow::stages::explain::Settings::baseline)), `side` is that of the images.
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
        Method::Saliency(settings) => attributed(saliency::Saliency, settings.smooth.as_ref(), seed),
        Method::Occlusion(settings) => Box::new(occlusion::Occlusion::new(settings, fill()?, side)?),
        Method::IntegratedGradients(settings) => {
            let method = integrated_gradients::IntegratedGradients::new(settings, fill()?);
            match &settings.smooth {
                None => Box::new(method),
                smooth => attributed(method, smooth.as_ref(), seed),
            }
        }
        Method::InputXGradient(settings) => {
            attributed(input_x_gradient::InputXGradient, settings.smooth.as_ref(), seed)
        }
        Method::GradientShap(settings) => Box::new(gradient_shap::GradientShap::new(settings, seed, fill()?)),
        Method::Rise(settings) => Box::new(rise::Rise::new(settings, seed, side)?),
        Method::GuidedBackprop(settings) => {
            attributed(guided_backprop::GuidedBackprop, settings.smooth.as_ref(), seed)
        }
        Method::Lrp(settings) => attributed(lrp::Lrp::new(settings), None, seed),
        Method::DeepLift(settings) => Box::new(deep_lift::DeepLift::new(settings, fill()?)),
    })
}

/// The explainer of an attributing method: for the images as they are, or for noisy copies of them.
fn attributed<M: Attributing + 'static>(method: M, smooth: Option<&Smooth>, seed: u64) -> Box<dyn Explainer> {
    match smooth.cloned() {
        None => Box::new(Single(method)),
        Some(smooth) => Box::new(NoiseTunnel { method, smooth, seed }),
    }
}

#[cfg(test)]
mod tests;
