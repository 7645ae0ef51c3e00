//! The settings of Grad-CAM and its variants.
//!
//! Knows which variants fit which layers.

use super::Settings;
use crate::stages::{
    Check, Model, SCRIPT_LAYER,
    architecture::{Architecture, Layer},
    declare::{choice, settings},
};

settings! {
    /// Maps of one layer: Grad-CAM and its variants.
    pub struct GradCam {
        /// The layer with the activations (default: the last one before the pooling).
        layer: Layer = Layer::default();
        /// How the activations are combined.
        variant: Variant = Variant::Plain;
    }
}

choice! {
    /// The forms of Grad-CAM.
    pub enum Variant {
        /// One weight per channel: the mean of its gradient.
        Plain = "plain",
        /// A weight for each position: its own gradient (HiResCAM, Draelos & Carin 2020).
        HiRes = "hires",
        /// One weight per channel: a weighted sum of its positive gradients (Grad-CAM++, Chattopadhay et al. 2018).
        PlusPlus = "plus-plus",
        /// A weight for each position: its own gradient, if that is positive (LayerCAM, Jiang et al. 2021).
        Layer = "layer",
        /// One weight per channel: the mean of its gradient, weighted by its activation (XGrad-CAM, Fu et al. 2020).
        XGrad = "xgrad",
        /// One weight per channel: the score of the image seen through it (Score-CAM, Wang et al. 2020).
        ScoreCam = "score-cam",
        /// One weight per channel: the loss of score without it (Ablation-CAM, Desai & Ramaswamy 2020).
        AblationCam = "ablation-cam",
    }
}

impl Variant {
    /// Whether it takes activations for amounts of evidence: they must not be negative.
    fn needs_amounts(self) -> bool {
        match self {
            Self::PlusPlus | Self::XGrad | Self::AblationCam => true,
            Self::Plain | Self::HiRes | Self::Layer | Self::ScoreCam => false,
        }
    }
}

impl GradCam {
    /// The name of the layer of this network.
    ///
    /// # Errors
    /// The network has no such layer, or the variant does not fit it: the message says which would.
    pub fn layer_of(&self, network: &Architecture) -> Result<String, String> {
        let layer = network.layer(&self.layer)?;
        if self.variant.needs_amounts() && !Architecture::is_rectified(&layer) {
            return Err(format!(
                "`variant = \"{}\"` needs activations that are not negative, and those of `{layer}` can be: \
                 write a layer after a ReLU, such as `{}`",
                self.variant.word(),
                network.last_layer()
            ));
        }
        Ok(layer)
    }
}

impl Settings for GradCam {
    /// The layers of our networks depend on the architecture. A network with its code has one, of which nothing is known.
    fn check(&self, model: &Model, check: &mut Check<'_>) {
        let script = matches!(model, Model::Script(_));
        let known = self.layer == Layer::default() || self.layer == Layer::named(SCRIPT_LAYER);
        let message =
            format!("a TorchScript network has one layer for Grad-CAM, `{SCRIPT_LAYER}`: leave `layer` out");
        check.require(known || !script, "method.grad-cam.layer", message);
        let message = format!(
            "`variant = \"{}\"` needs a network whose layers are known, which those of a TorchScript network are not",
            self.variant.word()
        );
        check.require(!script || !self.variant.needs_amounts(), "method.grad-cam.variant", message);
    }

    fn check_network(&self, network: &Architecture, check: &mut Check<'_>) {
        if let Err(message) = self.layer_of(network) {
            check.require(false, "method.grad-cam.layer", message);
        }
    }

    fn settle(&mut self, last_layer: &str) {
        if self.layer == Layer::default() {
            self.layer = Layer::named(last_layer);
        }
    }
}
