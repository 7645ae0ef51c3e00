//! Passes through a network that several methods share: logits, and gradients at the image.
//!
//! Images are [n, 3, S, S], stored channels last: a CPU pools and normalises fastest in this order.

use anyhow::Result;
use tch::Tensor;

use super::numbers;
use crate::model::{Classifier, Slope};

/// One image at a time. libtorch chooses kernels by the batch, so this makes every bit independent of the other
/// images.
pub(super) const ALONE: usize = 1;

/// The logits `[n]` of images, `at_once` of them at a time.
pub(super) fn logits(network: &dyn Classifier, images: &Tensor, at_once: usize) -> Result<Vec<f32>> {
    let mut logits = Vec::new();
    for images in images.split(at_once as i64, 0) {
        logits.extend(numbers(&network.forward(&images)?)?);
    }
    Ok(logits)
}

/// The logits `[n]` and dz/dx [n, 3, S, S] of images, all at once.
pub(super) fn gradients(network: &dyn Classifier, images: &Tensor) -> Result<(Vec<f32>, Tensor)> {
    let count = images.size()[0];
    let Slope { logits, gradient, .. } = network.slope(&accompanied(images), None)?;
    Ok((numbers(&logits.narrow(0, 0, count))?, gradient.narrow(0, 0, count)))
}

/// The images. A single image gets a copy of itself, whose results are ignored.
///
/// libtorch's kernels for one image round differently from those for more. If pixels nearly tie in a pooling or at
/// a ReLU, the last bit decides which pixel gets the gradient: maps of single images differed by up to 0.8 % at
/// some pixels.
pub(super) fn accompanied(images: &Tensor) -> Tensor {
    match images.size()[0] {
        1 => images.permute([0, 2, 3, 1]).repeat([2, 1, 1, 1]).permute([0, 3, 1, 2]),
        _ => images.shallow_clone(),
    }
}

/// One factor per image, [n, 1, 1, 1], with the type and device of `like`.
pub(super) fn factors(values: &[f64], like: &Tensor) -> Tensor {
    let factors = Tensor::from_slice(values).to_kind(like.kind()).to_device(like.device());
    factors.view([-1, 1, 1, 1])
}

/// Images times one factor each. Multiplying by 1 changes nothing, so it is left out.
pub(super) fn scaled(images: Tensor, values: &[f64]) -> Tensor {
    match values.iter().all(|&value| value == 1.0) {
        true => images,
        false => &images * factors(values, &images),
    }
}

#[cfg(test)]
mod tests {
    use pcamflow::stages::architecture::{Architecture, ClassCnn};
    use tch::Device;

    use super::*;
    use crate::model::{
        Network, Source,
        testing::{as_if_trained, difference, noisy_patches},
    };

    #[test]
    fn a_single_image_is_computed_with_a_copy() {
        let architecture = Architecture::ClassCnn(ClassCnn { channels: [4, 4, 8, 8], hidden: 8 });
        let network = as_if_trained(Network::new(&architecture, Source::Seed(3), Device::Cpu).unwrap());
        let images = noisy_patches(3, 4);
        let image = images.narrow(0, 1, 1);
        let pair = accompanied(&image);
        assert_eq!((pair.size()[0], pair.stride()), (2, images.stride()), "stored channels last");
        assert!(pair.narrow(0, 0, 1) == image && pair.narrow(0, 1, 1) == image);
        assert_eq!(accompanied(&images).size(), images.size());

        let (alone, gradient) = gradients(&network, &image).unwrap();
        let (all, among) = gradients(&network, &images).unwrap();
        assert_eq!((alone.len(), gradient.size()), (1, image.size()));
        assert!((alone[0] - all[1]).abs() < 1e-5);
        let among = among.narrow(0, 1, 1);
        assert!(difference(&gradient, &among) <= 1e-5 * among.abs().max().double_value(&[]));
    }
}
