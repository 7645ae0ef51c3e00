//! Networks that come with their code: TorchScript archives, which PyTorch has traced or scripted.
//!
//! libtorch's own loader reads them and its interpreter computes them, without optimising: optimised code differs
//! in the last bits from call to call. Nothing is known about the layers. `trial` finds out how a network behaves before a
//! stage computes with it.

mod module;
mod output;
mod reason;
#[cfg(test)]
mod tests;
mod trial;

use anyhow::{Context as _, Result, bail, ensure};
use pcamflow::{
    protocol::InputFile,
    side::Side,
    stages::{NetworkOutput, Normalise, architecture::Layer},
};
use tch::{Device, Kind, Tensor, no_grad};

use super::{Slope, classifier::Classifier, normalised::Normalised};
use module::{CLASSIFIER, FEATURES, Module};
use output::logits;
use trial::trial;

/// The memory for each pixel of a patch, because no layer is known: 256 numbers, and as much again for gradients.
const BYTES_PER_PIXEL: u64 = 2 * 4 * 256;

/// A network with its code.
#[derive(Debug)]
pub(crate) struct Script {
    module: Module,
    normalised: Option<Normalised>,
    output: NetworkOutput,
    /// Why it has no layer for Grad-CAM, if it has none.
    no_features: Option<String>,
    device: Device,
}

/// Checks that a file is a network with its code.
///
/// # Errors
/// It cannot be read, or is no TorchScript archive that this libtorch understands.
pub(crate) fn check_script(file: &InputFile) -> Result<()> {
    Module::load(file, Device::Cpu).map(drop)
}

impl Script {
    /// Loads a network, and tries it on some patches [N, 3, S, S] that a stage will ask it about. `asked` is what it
    /// returns, if the user says so.
    ///
    /// # Errors
    /// The file is no TorchScript archive; the network does not take the patches, its outputs are not what `asked` says, or
    /// do not tell what they are; or an output depends on the other patches or on chance.
    pub(crate) fn open(
        file: &InputFile,
        normalise: Option<&Normalise>,
        asked: Option<NetworkOutput>,
        patches: &Tensor,
    ) -> Result<Self> {
        let device = patches.device();
        let module = Module::load(file, device)?;
        let normalised = normalise.map(|normalise| Normalised::new(normalise, device));
        let images = normalised.as_ref().map_or_else(|| patches.shallow_clone(), |it| it.of(patches));
        let tried = no_grad(|| trial(&module, &images, asked));
        let tried = tried.with_context(|| format!("cannot use the network of {}", file.name))?;
        Ok(Self { module, normalised, output: tried.output, no_features: tried.no_features, device })
    }

    /// Patches as the network reads them. Its code may demand rows that lie one after the other.
    fn input(&self, patches: &Tensor) -> Tensor {
        match &self.normalised {
            Some(normalised) => normalised.of(patches).contiguous(),
            None => patches.contiguous(),
        }
    }

    /// The output of its layer [N, C, h, w], without a graph.
    fn features(&self, patches: &Tensor) -> Result<Tensor> {
        no_grad(|| Ok(self.module.call(FEATURES, &self.input(patches))?.to_kind(Kind::Float)))
    }
}

impl Classifier for Script {
    fn device(&self) -> Device {
        self.device
    }

    fn forward(&self, patches: &Tensor) -> Result<Tensor> {
        no_grad(|| logits(self.output, &self.module.forward(&self.input(patches))?))
    }

    fn slope(&self, patches: &Tensor, layer: Option<&str>) -> Result<Slope> {
        let (map, output) = match layer {
            None => {
                let map = patches.detach().contiguous().set_requires_grad(true);
                let output = self.module.forward(&self.input(&map))?;
                (map, output)
            }
            Some(_) => {
                let map = self.features(patches)?.detach().contiguous().set_requires_grad(true);
                let output = self.module.call(CLASSIFIER, &map)?;
                (map, output)
            }
        };
        let logits = logits(self.output, &output)?;
        // libtorch has no answer, not even an error, if there is no graph.
        ensure!(logits.requires_grad(), NO_GRADIENT);
        // The gradient of the sum is, at each image, the gradient of its own logit.
        let gradients = Tensor::f_run_backward(&[logits.f_sum(Kind::Float)?], &[&map], false, false);
        let gradient = gradients.map_err(|error| reason::in_words(&error)).context(NO_GRADIENT)?;
        let gradient = gradient.into_iter().next().context(NO_GRADIENT)?.to_kind(Kind::Float);
        Ok(Slope { logits: logits.detach(), map: map.detach(), gradient })
    }

    fn layer(&self, layer: &Layer) -> Result<String> {
        if let Some(reason) = &self.no_features {
            bail!(
                "Grad-CAM needs a network with the methods `{FEATURES}(x)` and `{CLASSIFIER}(features)`, and {reason}: \
                 export both (`@torch.jit.export`), or choose another method"
            );
        }
        let known = *layer == Layer::default() || *layer == Layer::named(FEATURES);
        ensure!(known, "a TorchScript network has one layer for Grad-CAM, `{FEATURES}`: leave `layer` out");
        Ok(FEATURES.to_owned())
    }

    fn last_layer(&self) -> String {
        FEATURES.to_owned()
    }

    fn activation(&self, patches: &Tensor, _layer: &str) -> Result<Tensor> {
        self.features(patches)
    }

    fn patch_bytes(&self, side: Side) -> Result<u64> {
        Ok(BYTES_PER_PIXEL * side.pixels() as u64)
    }

    fn rounding(&self) -> f64 {
        1e-5
    }

    fn word(&self) -> String {
        "a TorchScript network".to_owned()
    }

    fn output(&self) -> Option<NetworkOutput> {
        Some(self.output)
    }

    fn layers(&self) -> Option<&super::Network> {
        None
    }
}

/// What is wrong with a network that libtorch cannot differentiate.
const NO_GRADIENT: &str = "the network gives no gradient: its code detaches a tensor, rounds, or was frozen without \
                           gradients; `occlusion` and `rise` need none";
