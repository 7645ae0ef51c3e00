//! What explainers and measures ask of a network: ours, whose layers are known, or one that comes with its code.

use anyhow::{Context as _, Result};
use pcamflow::{
    side::Side,
    stages::{NetworkOutput, architecture::Layer},
};
use tch::{Device, Kind, Tensor, no_grad};

use super::{Network, Slope};

/// A network that classifies patches [N, 3, S, S] in [0, 1].
pub(crate) trait Classifier {
    fn device(&self) -> Device;

    /// The logits of tumour `[N]`, float32.
    ///
    /// # Errors
    /// libtorch or the network's code reports an error.
    fn forward(&self, patches: &Tensor) -> Result<Tensor>;

    /// The logits, and their gradients by the output of a layer, or by the patches; float32.
    ///
    /// # Errors
    /// As `forward`; the network has no such layer, or gives no gradient.
    fn slope(&self, patches: &Tensor, layer: Option<&str>) -> Result<Slope>;

    /// The name of a layer.
    ///
    /// # Errors
    /// The network has no such layer.
    fn layer(&self, layer: &Layer) -> Result<String>;

    /// The name of the last layer before the pooling.
    fn last_layer(&self) -> String;

    /// The output of a layer, float32 [N, K, h, w], without a graph.
    ///
    /// # Errors
    /// As `forward`; the network has no such layer.
    fn activation(&self, patches: &Tensor, layer: &str) -> Result<Tensor>;

    /// The memory that a patch needs at most.
    ///
    /// # Errors
    /// libtorch reports an error.
    fn patch_bytes(&self, side: Side) -> Result<u64>;

    /// What rounding can change in a logit at most, as a share of the logit.
    fn rounding(&self) -> f64;

    /// Its name in titles.
    fn word(&self) -> String;

    /// What it returns, if it comes with its code.
    fn output(&self) -> Option<NetworkOutput>;

    /// The network with its layers, if they are known.
    fn layers(&self) -> Option<&Network>;
}

impl Classifier for Network {
    fn device(&self) -> Device {
        self.device()
    }

    fn forward(&self, patches: &Tensor) -> Result<Tensor> {
        self.forward(patches)
    }

    fn slope(&self, patches: &Tensor, layer: Option<&str>) -> Result<Slope> {
        self.slope(patches, layer)
    }

    fn layer(&self, layer: &Layer) -> Result<String> {
        self.architecture().layer(layer).map_err(anyhow::Error::msg)
    }

    fn last_layer(&self) -> String {
        self.architecture().last_layer()
    }

    fn activation(&self, patches: &Tensor, layer: &str) -> Result<Tensor> {
        let forward = no_grad(|| self.forward_with_taps(patches, None));
        let output = forward.tap(layer).with_context(|| format!("the network has no layer `{layer}`"))?;
        Ok(output.to_kind(Kind::Float))
    }

    /// The output of every layer, and as much again for gradients and workspaces.
    fn patch_bytes(&self, side: Side) -> Result<u64> {
        let side = side.get() as i64;
        let blank = Tensor::zeros([1, 3, side, side], (Kind::Float, self.device()));
        let forward = no_grad(|| self.forward_with_taps(&blank, None));
        let values: usize = forward.taps.iter().map(|(_, output)| output.numel()).sum();
        Ok(u64::try_from(2 * 4 * (values + blank.numel()))?)
    }

    fn rounding(&self) -> f64 {
        self.rounding()
    }

    fn word(&self) -> String {
        self.architecture().word().to_owned()
    }

    fn output(&self) -> Option<NetworkOutput> {
        None
    }

    fn layers(&self) -> Option<&Network> {
        Some(self)
    }
}

/// The network with its layers.
///
/// # Errors
/// They are not known.
pub(crate) fn known(network: &dyn Classifier) -> Result<&Network> {
    network
        .layers()
        .context("the layers of a TorchScript network are not known: choose a method that needs none")
}
