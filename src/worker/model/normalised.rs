//! Images as a network wants them: (x - mean) / std for each channel, if it was trained like this.
//!
//! Gradients by the image are those by the normalised image, divided by std.

use pcamflow::stages::Normalise;
use tch::{Device, Tensor};

/// The normalisation of a network's inputs, on its device.
#[derive(Debug)]
pub(super) struct Normalised {
    /// [1, 3, 1, 1] each.
    mean: Tensor,
    std: Tensor,
}

impl Normalised {
    pub(super) fn new(Normalise { mean, std }: &Normalise, device: Device) -> Self {
        let tensor = |values: &[f64; 3]| {
            let values = values.map(|value| value as f32);
            Tensor::from_slice(&values).view([1, 3, 1, 1]).to_device(device)
        };
        Self { mean: tensor(mean), std: tensor(std) }
    }

    /// The normalised images.
    pub(super) fn of(&self, images: &Tensor) -> Tensor {
        (images - &self.mean) / &self.std
    }

    /// The gradient by images [N, 3, S, S], given the one by the normalised images.
    pub(super) fn gradient(&self, gradient: &Tensor) -> Tensor {
        gradient / &self.std
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Network,
        testing::{as_if_trained, difference, noisy_patches_of, small_resnet, tiny_network},
    };

    fn settings() -> Normalise {
        Normalise { mean: [0.7, 0.5, 0.4], std: [0.2, 0.25, 0.5] }
    }

    /// A network that normalises, and the same one without.
    fn pairs() -> [[Network; 2]; 2] {
        let pair = |network: fn() -> Network| {
            let mut normalising = as_if_trained(network());
            normalising.normalise(Some(&settings()));
            [normalising, as_if_trained(network())]
        };
        [pair(|| tiny_network(1)), pair(|| small_resnet(2))]
    }

    #[test]
    fn a_network_sees_normalised_images_and_gradients_are_by_the_images() {
        let images = noisy_patches_of(2, 50, 3);
        let normalised = Normalised::new(&settings(), Device::Cpu);
        let seen = normalised.of(&images);
        for [normalising, plain] in pairs() {
            assert!(
                difference(&normalising.forward(&images).unwrap(), &plain.forward(&seen).unwrap()) < 1e-5
            );
            let slope = normalising.slope(&images, None).unwrap();
            let by_seen = plain.slope(&seen, None).unwrap();
            let scale = slope.gradient.abs().max().double_value(&[]);
            assert!(difference(&slope.gradient, &normalised.gradient(&by_seen.gradient)) < 1e-5 * scale);
            assert_eq!(slope.map, images);
            // By the plain formulation, where libtorch derives the normalisation.
            let by_graph = normalising.plain_slope(&images, None).unwrap();
            assert!(difference(&slope.gradient, &by_graph.gradient) < 1e-5 * scale);
            let layer = plain.architecture().last_layer();
            let (own, other) = (normalising.slope(&images, Some(&layer)), plain.slope(&seen, Some(&layer)));
            assert!(difference(&own.unwrap().gradient, &other.unwrap().gradient) < 1e-5);
        }
    }

    #[test]
    fn recomputed_windows_are_normalised_too() {
        let (image, other) = (noisy_patches_of(1, 96, 1), noisy_patches_of(1, 96, 2));
        for [network, _] in pairs() {
            let places = network.places(96, 8, &[0, 40]).unwrap();
            let whole = network.whole(&image).unwrap();
            let got = network.local(&places, &whole, &other, &[[1, 0]]).unwrap();
            let copy = image.copy();
            let part = |of: &Tensor| of.narrow(2, 40, 8).narrow(3, 0, 8);
            part(&copy).copy_(&part(&other));
            let wanted = network.forward(&copy).unwrap();
            assert!(difference(&got, &wanted) < 1e-5 * wanted.abs().max().double_value(&[]));
        }
    }
}
