//! The registry of the methods.
//!
//! A method is one line here: its settings are in a file of this folder, and answer for it (see [`Settings`]).

use super::{
    DeepLift, GradCam, GradientShap, GuidedBackprop, InputXGradient, IntegratedGradients, Lrp, Occlusion,
    Rise, Saliency, Settings,
};
use crate::stages::declare::choice;

/// Declares the methods, and hands every question about one to its settings.
macro_rules! methods {
    ($( $(#[doc = $doc:literal])+ $method:ident($settings:ty) = $word:literal, )+) => {
        choice! {
            /// The methods.
            pub enum Method {
                $( $(#[doc = $doc])+ $method($settings) = $word, )+
            }
        }

        impl Method {
            /// The settings of the method.
            #[must_use]
            pub fn settings(&self) -> &dyn Settings {
                match self {
                    $( Self::$method(settings) => settings, )+
                }
            }

            pub(super) fn settings_mut(&mut self) -> &mut dyn Settings {
                match self {
                    $( Self::$method(settings) => settings, )+
                }
            }

            /// The settings as JSON for a file of maps, from which they can be read again.
            ///
            /// # Errors
            /// A number is not finite.
            pub fn to_json(&self) -> serde_json::Result<String> {
                match self {
                    $( Self::$method(settings) => settings.to_json(), )+
                }
            }
        }
    };
}

methods! {
    /// Gradient-weighted activations of one layer (Selvaraju et al. 2017).
    GradCam(GradCam) = "grad-cam",
    /// The gradient at the image (Simonyan et al. 2014), or its mean under noise (SmoothGrad).
    Saliency(Saliency) = "saliency",
    /// The loss of score when a window hides part of the image (Zeiler & Fergus 2014).
    Occlusion(Occlusion) = "occlusion",
    /// Gradients along the path from a baseline (Sundararajan et al. 2017).
    IntegratedGradients(IntegratedGradients) = "integrated-gradients",
    /// The gradient times the image (Shrikumar et al. 2016).
    InputXGradient(InputXGradient) = "input-x-gradient",
    /// Gradients at random points between a baseline and noisy copies of the image (Lundberg & Lee 2017).
    GradientShap(GradientShap) = "gradient-shap",
    /// The mean score of the random masks that show a pixel (Petsiuk et al. 2018).
    Rise(Rise) = "rise",
    /// The gradient without negative signals at ReLUs (Springenberg et al. 2015).
    GuidedBackprop(GuidedBackprop) = "guided-backprop",
    /// The score, handed back layer by layer in proportion to what each input contributed (Bach et al. 2015).
    Lrp(Lrp) = "lrp",
    /// Differences from a baseline, handed back layer by layer (Shrikumar et al. 2017, the rescale rule).
    DeepLift(DeepLift) = "deep-lift",
}
