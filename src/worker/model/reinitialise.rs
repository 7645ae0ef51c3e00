//! Layers made as if they had never been trained: what model randomisation does to a network
//! (Adebayo et al. 2018).

use anyhow::{Result, ensure};
use tch::no_grad;

use super::{Network, source::Generator};

/// A layer with tensors of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// Its name in PyTorch: `fc2`, `layer1.0.conv1`.
    pub(crate) name: String,
    /// Its parameters, then its running statistics: `bn1.weight`, ..., `bn1.running_var`.
    pub(crate) tensors: Vec<String>,
}

impl Network {
    /// Every layer that has tensors, from the output downwards: `fc2`, `fc1`, `bn4`, `conv4`, ..., `conv1`.
    /// A convolution on a shortcut comes after the layers that it runs beside.
    pub(crate) fn layers_with_tensors(&self) -> Vec<Layer> {
        let mut layers: Vec<Layer> = Vec::new();
        for made in &self.made {
            match layers.last_mut() {
                Some(layer) if layer.name == layer_of(&made.name) => layer.tensors.push(made.name.clone()),
                _ => layers
                    .push(Layer { name: layer_of(&made.name).to_owned(), tensors: vec![made.name.clone()] }),
            }
        }
        layers.reverse();
        layers
    }

    /// Gives these layers the default initialisation that another training would begin with, batch norm's
    /// affine parameters and running statistics included; every other tensor stays as it is.
    ///
    /// What a layer gets depends on the seed and its own name alone: not on the other layers, their order
    /// or the device. It is never what training began with for the same seed, where all layers share one
    /// stream of numbers.
    ///
    /// # Errors
    /// The network has no such layer, or it has no tensors; then nothing was changed.
    pub(crate) fn reinitialise(&mut self, layers: &[impl AsRef<str>], seed: u64) -> Result<()> {
        for layer in layers.iter().map(AsRef::as_ref) {
            let known = self.made.iter().any(|made| layer_of(&made.name) == layer);
            ensure!(known, "the network has no layer `{layer}` with tensors of its own");
        }
        for layer in layers.iter().map(AsRef::as_ref) {
            let mut generator = Generator::seeded(seed_of(layer, seed));
            for made in self.made.iter().filter(|made| layer_of(&made.name) == layer) {
                let fresh = generator.draw(&made.tensor.size(), made.initial);
                no_grad(|| made.tensor.shallow_clone().copy_(&fresh));
            }
        }
        Ok(())
    }
}

/// The layer that a tensor belongs to: `layer1.0.bn1` of `layer1.0.bn1.weight`.
fn layer_of(tensor: &str) -> &str {
    tensor.rsplit_once('.').map_or(tensor, |(layer, _)| layer)
}

/// A seed of the layer's own.
fn seed_of(layer: &str, seed: u64) -> u64 {
    let digest = blake3::hash(format!("reinitialise {seed} {layer}").as_bytes());
    digest.as_bytes()[..8].iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Tensor};

    use super::*;
    use crate::model::{
        Mode, Source,
        testing::{file_of, noisy_patches, small_resnet, tiny, tiny_network},
    };

    fn names(network: &Network) -> Vec<String> {
        network.layers_with_tensors().into_iter().map(|layer| layer.name).collect()
    }

    /// A network that training has changed everywhere.
    fn trained(network: Network) -> Network {
        for (_, tensor) in network.state() {
            let _ = no_grad(|| tensor.shallow_clone().fill_(7.0));
        }
        network
    }

    fn all(tensor: &Tensor, value: f64) -> bool {
        tensor.eq(value).all().int64_value(&[]) == 1
    }

    fn changed(network: &Network) -> Vec<String> {
        let state = network.state().into_iter();
        state.filter(|(_, tensor)| !all(tensor, 7.0)).map(|(name, _)| name).collect()
    }

    #[test]
    fn layers_are_listed_from_the_output_downwards_with_all_their_tensors() {
        let layers = tiny_network(1).layers_with_tensors();
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["fc2", "fc1", "bn4", "conv4", "bn3", "conv3", "bn2", "conv2", "bn1", "conv1"]);
        assert_eq!(layers[1].tensors, ["fc1.weight", "fc1.bias"]);
        assert_eq!(layers[2].tensors, ["bn4.weight", "bn4.bias", "bn4.running_mean", "bn4.running_var"]);
        let all: usize = layers.iter().map(|layer| layer.tensors.len()).sum();
        assert_eq!(all, tiny_network(1).state().len());
    }

    #[test]
    fn a_block_comes_before_what_it_reads() {
        let names = names(&small_resnet(1));
        assert_eq!(names[..3], ["fc", "layer2.0.bn2", "layer2.0.conv2"]);
        assert_eq!(names[5..8], ["layer2.0.downsample.1", "layer2.0.downsample.0", "layer1.0.bn2"]);
        assert_eq!(names[names.len() - 2..], ["bn1", "conv1"]);
    }

    #[test]
    fn these_layers_begin_anew_and_no_other_tensor_changes() {
        let mut network = trained(tiny_network(1));
        network.reinitialise(&["fc2", "bn3"], 5).unwrap();
        let wanted =
            ["bn3.bias", "bn3.running_mean", "bn3.running_var", "bn3.weight", "fc2.bias", "fc2.weight"];
        assert_eq!(changed(&network), wanted);
        let state = network.state();
        for (name, value) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            assert!(all(&state[&format!("bn3.{name}")], value), "{name}");
        }
        // U(-b, b) with b = 1/sqrt(6).
        let bound = state["fc2.weight"].abs().max().double_value(&[]);
        assert!(0.0 < bound && bound <= 1.0 / 6f64.sqrt(), "{bound}");
        // The network computes with what it lists.
        let again = Network::new(&tiny(), Source::File(file_of(&network)), Device::Cpu).unwrap();
        let of = |network: &Network| network.forward(&noisy_patches(2, 1), Mode::Inference);
        assert_eq!(of(&network), of(&again));
    }

    #[test]
    fn a_layers_new_weights_depend_on_its_name_and_the_seed_alone() {
        let of = |layers: &[&str], seed| {
            let mut network = trained(tiny_network(1));
            network.reinitialise(layers, seed).unwrap();
            network.state()
        };
        let (alone, together, other) =
            (of(&["conv2"], 5), of(&["fc2", "conv2", "fc1"], 5), of(&["conv2"], 6));
        assert_eq!(alone["conv2.weight"], together["conv2.weight"]);
        assert_eq!(alone["conv2.bias"], together["conv2.bias"]);
        assert_ne!(alone["conv2.weight"], other["conv2.weight"]);
        // Layers of one shape differ, and so does training's own start with the same seed.
        let mut resnet = small_resnet(5);
        let start = resnet.state()["layer1.0.conv1.weight"].copy();
        resnet.reinitialise(&["layer1.0.conv1", "layer1.0.conv2"], 5).unwrap();
        let state = resnet.state();
        assert_ne!(state["layer1.0.conv1.weight"], state["layer1.0.conv2.weight"]);
        assert_ne!(state["layer1.0.conv1.weight"], start);
    }

    #[test]
    fn an_unknown_layer_changes_nothing() {
        let mut network = trained(tiny_network(1));
        let error = network.reinitialise(&["fc2", "relu4"], 5).unwrap_err().to_string();
        assert_eq!(error, "the network has no layer `relu4` with tensors of its own");
        assert!(changed(&network).is_empty());
        let before: Vec<Tensor> = network.state().into_values().collect();
        network.reinitialise(&[] as &[&str], 5).unwrap();
        assert_eq!(before, network.state().into_values().collect::<Vec<_>>());
    }
}
