//! A network cut at a layer: what follows is computed again for other outputs of the layer.
//!
//! By the plain formulation, because any named layer can be cut, also one inside a unit.

use anyhow::{Context as _, Result};
use tch::{Kind, Tensor, no_grad};

use super::{Mode, Network, Tape, body::Map};

/// An image at a layer.
pub(crate) struct Cut {
    layer: String,
    /// The maps before the operation that computes the output of the layer, of one image each.
    maps: Vec<Tensor>,
    output: Tensor,
}

impl Cut {
    /// The output of the layer, float32 [1, K, h, w].
    pub(crate) fn output(&self) -> &Tensor {
        &self.output
    }
}

impl Network {
    /// An image [1, 3, S, S] at a layer, in inference mode.
    ///
    /// # Errors
    /// The network has no such layer.
    pub(crate) fn cut(&self, image: &Tensor, layer: &str) -> Result<Cut> {
        let none = || format!("the network has no layer `{layer}`");
        let at: Map = self.body.operation_of(layer).with_context(none)?;
        no_grad(|| {
            let mut maps = vec![self.input(image)];
            self.body.go_on(&mut maps, at, Mode::Inference, &mut Tape::Off);
            let (mut taps, mut further) = (Vec::new(), maps.iter().map(Tensor::shallow_clone).collect());
            let tape = &mut Tape::On { taps: &mut taps, leaf: None };
            self.body.go_on(&mut further, at + 1, Mode::Inference, tape);
            let (_, output) = taps.into_iter().find(|(name, _)| name == layer).with_context(none)?;
            Ok(Cut { layer: layer.to_owned(), maps, output: output.to_kind(Kind::Float) })
        })
    }

    /// The logits `[n]` if the layer had these outputs, [n, K, h, w].
    ///
    /// # Errors
    /// The outputs have another shape than that of the layer.
    pub(crate) fn forward_from(&self, cut: &Cut, outputs: &Tensor) -> Result<Tensor> {
        let [own, given] = [&cut.output, outputs].map(Tensor::size);
        anyhow::ensure!(own[1..] == given[1..], "outputs {given:?} for a layer with {own:?}");
        no_grad(|| {
            let mut maps: Vec<Tensor> = cut.maps.iter().map(Tensor::shallow_clone).collect();
            let by = &outputs.to_kind(self.kind);
            // Maps that do not depend on the layer are those of one image. libtorch repeats them where they are added.
            let tape = &mut Tape::Replace { layer: &cut.layer, by };
            self.body.go_on(&mut maps, self.body.operations.len(), Mode::Inference, tape);
            Ok(self.body.head.forward(&maps[maps.len() - 1]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{
        as_if_trained, densenets, difference, imagenet_basic, noisy_patches, small_resnet, tiny_network,
    };

    #[test]
    fn from_its_own_output_every_layer_gives_the_logit_and_from_another_images_that_images() {
        let own = [tiny_network(1), small_resnet(2), imagenet_basic(3)];
        for network in own.into_iter().chain(densenets(4)).map(as_if_trained) {
            let [one, other] = [1, 2].map(|seed| noisy_patches(1, seed));
            let logit = |image: &Tensor| network.plain(image, Mode::Inference);
            for layer in network.architecture().layers() {
                let [cut, second] = [&one, &other].map(|image| network.cut(image, &layer).unwrap());
                let outputs = Tensor::cat(&[cut.output(), second.output()], 0);
                let got = network.forward_from(&cut, &outputs).unwrap();
                assert!(difference(&got.narrow(0, 0, 1), &logit(&one)) < 1e-5, "{layer}");
                // A shortcut past the layer keeps something of the first image.
                let is_whole = !layer.contains('.');
                assert!(!is_whole || difference(&got.narrow(0, 1, 1), &logit(&other)) < 1e-5, "{layer}");
                assert!(difference(&got.narrow(0, 1, 1), &logit(&one)) > 1e-6, "{layer}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let network = tiny_network(1);
        let image = noisy_patches(1, 1);
        assert!(network.cut(&image, "relu9").is_err());
        let cut = network.cut(&image, "relu4").unwrap();
        assert!(network.forward_from(&cut, &image).is_err());
    }
}
