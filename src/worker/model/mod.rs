//! The networks and their tensors.
//!
//! A network maps patches, float32 [N, 3, S, S] in [0, 1], to logits of tumour, float32 `[N]`. Its tensors are
//! float32 and have PyTorch's names; between patches and head, maps may be bfloat16 (`compute_in`). It is a list of
//! operations (`body`), which several files compute, each for its purpose: `plain`, `folded`, `gradient`, `learn`,
//! `local`, `cut`, `rules`. To add an architecture: its settings and layer names in `stages::architecture`, a file here that builds the
//! list, the arms that the compiler asks for, and a case in `infer`. Files of weights are read in `weights`. Networks that
//! come with their code are in `script`; what explainers ask of both is in `classifier`.

mod architectures;
mod averaging;
#[cfg(test)]
mod bf16;
mod body;
mod class_cnn;
mod classifier;
mod cut;
mod densenet;
mod fit;
mod folded;
mod gradient;
mod group;
mod infer;
mod layers;
mod learn;
mod local;
pub(crate) mod metadata;
mod mode;
mod normalised;
mod places;
mod plain;
mod reinitialise;
mod resnet;
mod rules;
mod script;
mod source;
#[cfg(test)]
pub(crate) mod testing;
mod weights;

use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use pcamflow::stages::{Normalise, train::Architecture};
use tch::{Device, Kind, Tensor, no_grad};

pub(crate) use classifier::{Classifier, known};
pub(crate) use gradient::Slope;
pub(crate) use learn::Pass;
pub(crate) use local::Whole;
pub(crate) use places::Places;
pub(crate) use rules::{Differences, Guided, Relevance, Rules};
pub(crate) use script::{Script, check_script};
pub(crate) use source::Source;
pub(crate) use weights::{Want, Weights, read_weights};

use crate::tensors::Named;
use body::Body;
use fit::Misfit;
use folded::Folded;
pub(crate) use mode::{Mode, Tape};
use normalised::Normalised;
use source::{Made, Maker};

/// With a larger share of the multiplications of whole passes, putting patches together is not worth it.
const WORTH_IT: f64 = 0.7;

/// A network and its tensors.
#[derive(Debug)]
pub(crate) struct Network {
    architecture: Architecture,
    body: Body,
    /// Computed at first use. After a tensor has changed, call [`changed`](Self::changed).
    folded: OnceLock<Folded>,
    made: Vec<Made>,
    device: Device,
    /// The numbers of maps.
    kind: Kind,
    normalised: Option<Normalised>,
}

/// The results of a forward pass.
#[derive(Debug)]
pub(crate) struct Forward {
    /// `[N]`, of tumour.
    pub(crate) logits: Tensor,
    /// The outputs of the named layers, in order of computation, as parts of the graph.
    pub(crate) taps: Vec<(String, Tensor)>,
}

impl Forward {
    /// The output of one layer.
    pub(crate) fn tap(&self, layer: &str) -> Option<&Tensor> {
        self.taps.iter().find(|(name, _)| name == layer).map(|(_, tensor)| tensor)
    }
}

impl Network {
    /// A frozen network with the tensors of a source.
    ///
    /// # Errors
    /// Tensors of the file are missing, misshapen or unexpected: the message lists them.
    pub(crate) fn new(architecture: &Architecture, source: Source, device: Device) -> Result<Self> {
        if let Source::File(file) = &source {
            let misfit = Misfit::of(&architectures::needed(architecture)?, &file.shapes());
            ensure!(misfit.is_none(), "{} does not fit the network: {}", file.name(), misfit.in_words());
        }
        let mut maker = Maker::new(source, device);
        let body = architectures::body(architecture, &mut maker)?;
        let (architecture, made) = (architecture.clone(), maker.finish()?);
        Ok(Self {
            architecture,
            body,
            folded: OnceLock::new(),
            made,
            device,
            kind: Kind::Float,
            normalised: None,
        })
    }

    /// Chooses the numbers of maps. At first they are float32.
    pub(crate) fn compute_in(&mut self, kind: Kind) {
        self.kind = kind;
        self.changed();
    }

    /// Normalises all images before the first layer.
    pub(crate) fn normalise(&mut self, normalise: Option<&Normalise>) {
        self.normalised = normalise.map(|normalise| Normalised::new(normalise, self.device));
    }

    /// Images in [0, 1] as the first layer reads them.
    fn input(&self, images: &Tensor) -> Tensor {
        match &self.normalised {
            Some(normalised) => normalised.of(images).to_kind(self.kind),
            None => images.to_kind(self.kind),
        }
    }

    /// What rounding can change in a logit at most, as a share of the logit: generous for both kinds of numbers.
    pub(crate) fn rounding(&self) -> f64 {
        match self.kind {
            Kind::BFloat16 => 1.0 / 128.0,
            _ => 1e-5,
        }
    }

    pub(crate) fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// The logits `[N]` of patches [N, 3, S, S] in [0, 1], in inference mode.
    ///
    /// # Errors
    /// libtorch reports an error.
    pub(crate) fn forward(&self, patches: &Tensor) -> Result<Tensor> {
        no_grad(|| self.folded()?.logits(&self.body, &self.input(patches)))
    }

    /// As [`forward`](Self::forward), by the plain formulation in any mode, as part of a graph.
    pub(crate) fn plain(&self, patches: &Tensor, mode: Mode) -> Tensor {
        self.body.plain(&self.input(patches), mode, &mut Tape::Off)
    }

    /// The logits in inference mode, and the outputs of all named layers.
    ///
    /// The output of the layer `leaf` is cut off from earlier layers and requires a gradient. A backward pass ends
    /// there, and nothing before it is recorded.
    pub(crate) fn forward_with_taps(&self, patches: &Tensor, leaf: Option<&str>) -> Forward {
        let mut taps = Vec::new();
        let patches = self.input(patches);
        let logits = self.body.plain(&patches, Mode::Inference, &mut Tape::On { taps: &mut taps, leaf });
        Forward { logits, taps }
    }

    /// The logits of patches, and their gradients by the output of a layer, or by the patches; float32.
    ///
    /// # Errors
    /// The network has no such layer, or libtorch reports an error.
    pub(crate) fn slope(&self, patches: &Tensor, layer: Option<&str>) -> Result<Slope> {
        let Slope { logits, map, gradient } = self.slope_of_kind(patches, layer)?;
        let [map, gradient] = [map, gradient].map(|tensor| tensor.to_kind(Kind::Float));
        Ok(Slope { logits, map, gradient })
    }

    fn slope_of_kind(&self, patches: &Tensor, layer: Option<&str>) -> Result<Slope> {
        let map = layer.map_or(Some(0), |layer| self.body.map_of(layer));
        match (self.device, map) {
            (Device::Cpu, Some(map)) => {
                let slope = no_grad(|| self.folded()?.slope(&self.body, &self.input(patches), map))?;
                Ok(match (&self.normalised, map) {
                    (Some(normalised), 0) => {
                        let gradient = normalised.gradient(&slope.gradient.to_kind(Kind::Float));
                        Slope { map: patches.shallow_clone(), gradient, ..slope }
                    }
                    _ => slope,
                })
            }
            // The outputs of a convolution and of a norm do not exist in the folded network, and other devices have
            // no kernels of ours.
            _ => self.plain_slope(patches, layer),
        }
    }

    /// As [`slope`](Self::slope), by libtorch's graph of the plain formulation.
    fn plain_slope(&self, patches: &Tensor, layer: Option<&str>) -> Result<Slope> {
        let patches = match layer {
            None => patches.detach().set_requires_grad(true),
            Some(_) => patches.shallow_clone(),
        };
        let forward = self.forward_with_taps(&patches, layer);
        let map = match layer {
            None => &patches,
            Some(layer) => {
                forward.tap(layer).with_context(|| format!("the network has no layer `{layer}`"))?
            }
        };
        // The gradient of the sum is, at each image, the gradient of its own logit.
        let gradients = Tensor::run_backward(&[forward.logits.sum(Kind::Float)], &[map], false, false);
        let gradient = gradients.into_iter().next().context("libtorch returned no gradient")?;
        Ok(Slope { logits: forward.logits.detach(), map: map.detach(), gradient })
    }

    /// The forward pass of a step of training on a CPU.
    ///
    /// # Errors
    /// libtorch reports an error.
    pub(crate) fn learn(&self, patches: &Tensor) -> Result<Pass<'_>> {
        self.body.learn(&self.input(patches))
    }

    /// Places of a square change of an image of `side` rows and columns, `window` pixels wide, which begins at any two of
    /// `starts`; `None` if whole passes are about as fast.
    pub(crate) fn places(&self, side: usize, window: usize, starts: &[usize]) -> Option<Places> {
        let places = Places::new(&self.body, side, window, starts);
        (self.device == Device::Cpu && places.share() < WORTH_IT).then_some(places)
    }

    /// All maps of an image [1, 3, S, S], for [`local`](Self::local).
    ///
    /// # Errors
    /// libtorch reports an error.
    pub(crate) fn whole(&self, image: &Tensor) -> Result<Whole> {
        no_grad(|| self.folded()?.whole(&self.body, &self.input(image)))
    }

    /// The logits of copies of an image that have the pixels of `other` [1, 3, S, S] in a window. The windows begin
    /// at two of the starts of `places` each: row and column.
    ///
    /// # Errors
    /// libtorch reports an error.
    pub(crate) fn local(
        &self,
        places: &Places,
        whole: &Whole,
        other: &Tensor,
        copies: &[[usize; 2]],
    ) -> Result<Tensor> {
        no_grad(|| self.folded()?.local(&self.body, places, whole, &self.input(other), copies))
    }

    /// Forgets what was derived from the tensors.
    pub(crate) fn changed(&mut self) {
        self.folded = OnceLock::new();
    }

    fn folded(&self) -> Result<&Folded> {
        if let Some(folded) = self.folded.get() {
            return Ok(folded);
        }
        let folded = Folded::new(&self.body, self.kind)?;
        Ok(self.folded.get_or_init(|| folded))
    }

    /// The learnt tensors, in PyTorch's order of modules. They share memory with the network.
    pub(crate) fn parameters(&self) -> Vec<(String, Tensor)> {
        let learnt = self.made.iter().filter(|made| made.learnt);
        learnt.map(|made| (made.name.clone(), made.tensor.shallow_clone())).collect()
    }

    /// Parameters and running statistics by name. They share memory with the network.
    pub(crate) fn state(&self) -> Named {
        self.made.iter().map(|made| (made.name.clone(), made.tensor.detach())).collect()
    }

    /// Makes the parameters require gradients.
    pub(crate) fn unfreeze(&self) {
        for (_, tensor) in self.parameters() {
            let _ = tensor.set_requires_grad(true);
        }
    }
}

#[cfg(test)]
mod tests;
