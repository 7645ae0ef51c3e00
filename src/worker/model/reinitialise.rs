//! Reinitialises layers, for model randomisation (Adebayo et al. 2018).

use anyhow::{Result, ensure};
use tch::no_grad;

use super::{Network, source::Generator};

impl Network {
    /// Every layer with tensors, from the output down: `fc2`, `fc1`, `bn4`, `conv4`, ..., `conv1`. A convolution on a
    /// shortcut comes after the layers beside it.
    pub(crate) fn layers_with_tensors(&self) -> Vec<String> {
        let mut layers: Vec<String> = self.made.iter().map(|made| layer_of(&made.name).to_owned()).collect();
        layers.dedup();
        layers.reverse();
        layers
    }

    /// Gives a layer the default initialisation, including the parameters and running statistics of batch
    /// normalisation.
    ///
    /// The new values depend only on the seed and the name of the layer, not on other layers or the device. They
    /// differ from the start of a training with the same seed, where all layers share one stream of numbers.
    ///
    /// # Errors
    /// The network has no such layer, or it has no tensors.
    pub(crate) fn reinitialise(&mut self, layer: &str, seed: u64) -> Result<()> {
        let known = self.made.iter().any(|made| layer_of(&made.name) == layer);
        ensure!(known, "the network has no layer `{layer}` with tensors");
        let mut generator = Generator::seeded(seed_of(layer, seed));
        for made in self.made.iter().filter(|made| layer_of(&made.name) == layer) {
            let fresh = generator.draw(&made.tensor.size(), made.initial);
            no_grad(|| made.tensor.shallow_clone().copy_(&fresh));
        }
        self.changed();
        Ok(())
    }
}

/// The layer of a tensor: `layer1.0.bn1` of `layer1.0.bn1.weight`.
fn layer_of(tensor: &str) -> &str {
    tensor.rsplit_once('.').map_or(tensor, |(layer, _)| layer)
}

/// A seed per layer.
fn seed_of(layer: &str, seed: u64) -> u64 {
    let digest = blake3::hash(format!("reinitialise {seed} {layer}").as_bytes());
    digest.as_bytes()[..8].iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Tensor};

    use super::*;
    use crate::model::{
        Source,
        testing::{file_of, noisy_patches, small_resnet, tiny, tiny_network},
    };

    fn reinitialise(network: &mut Network, layers: &[&str], seed: u64) {
        layers.iter().for_each(|layer| network.reinitialise(layer, seed).unwrap());
    }

    /// A network in which every value is 7.
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
    fn layers_are_listed_from_the_output_down() {
        let names = tiny_network(1).layers_with_tensors();
        assert_eq!(names, ["fc2", "fc1", "bn4", "conv4", "bn3", "conv3", "bn2", "conv2", "bn1", "conv1"]);
    }

    #[test]
    fn a_block_comes_before_what_it_reads() {
        let names = small_resnet(1).layers_with_tensors();
        assert_eq!(names[..3], ["fc", "layer2.0.bn2", "layer2.0.conv2"]);
        assert_eq!(names[5..8], ["layer2.0.downsample.1", "layer2.0.downsample.0", "layer1.0.bn2"]);
        assert_eq!(names[names.len() - 2..], ["bn1", "conv1"]);
    }

    #[test]
    fn only_the_given_layers_change() {
        let mut network = trained(tiny_network(1));
        reinitialise(&mut network, &["fc2", "bn3"], 5);
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
        // The new tensors are those of the forward pass.
        let again = Network::new(&tiny(), Source::File(file_of(&network)), Device::Cpu).unwrap();
        let of = |network: &Network| network.forward(&noisy_patches(2, 1)).unwrap();
        assert_eq!(of(&network), of(&again));
    }

    #[test]
    fn the_new_weights_of_a_layer_depend_only_on_its_name_and_the_seed() {
        let of = |layers: &[&str], seed| {
            let mut network = trained(tiny_network(1));
            reinitialise(&mut network, layers, seed);
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
        reinitialise(&mut resnet, &["layer1.0.conv1", "layer1.0.conv2"], 5);
        let state = resnet.state();
        assert_ne!(state["layer1.0.conv1.weight"], state["layer1.0.conv2.weight"]);
        assert_ne!(state["layer1.0.conv1.weight"], start);
    }

    #[test]
    fn an_unknown_layer_changes_nothing() {
        let mut network = trained(tiny_network(1));
        let error = network.reinitialise("relu4", 5).unwrap_err().to_string();
        assert_eq!(error, "the network has no layer `relu4` with tensors");
        assert!(changed(&network).is_empty());
    }
}
