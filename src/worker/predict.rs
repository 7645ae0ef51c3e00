//! Logits of many patches, in batches.
//!
//! Except for rounding, a logit does not depend on the batch: other batch sizes use other kernels. On a CPU the
//! position in a batch changes nothing.

use anyhow::Result;
use tch::Device;

use crate::{
    batches::{self, Patches},
    model::Classifier,
};

/// The reason and the remedy if a logit is not finite.
pub(crate) const TOO_LARGE: &str =
    "its weights are too large to compute with; train it again with a smaller learning rate";

/// The default batch: it fits the caches of a CPU, or keeps a GPU busy.
pub(crate) fn default_batch(device: Device) -> usize {
    match device {
        Device::Cuda(_) => 512,
        Device::Cpu | Device::Mps | Device::Vulkan => 16,
    }
}

/// The logits of the patches at `positions`, in their order. `progress` gets the size of each finished batch.
///
/// # Errors
/// The patches cannot be read.
pub(crate) fn predict(
    network: &dyn Classifier,
    patches: &dyn Patches,
    positions: &[usize],
    batch: usize,
    mut progress: impl FnMut(usize),
) -> Result<Vec<f32>> {
    let mut logits = Vec::with_capacity(positions.len());
    batches::for_each(patches, positions, batch, |batch| {
        let images = batch.images(network.device());
        logits.extend(Vec::<f32>::try_from(network.forward(&images)?)?);
        progress(batch.len());
        Ok(())
    })?;
    Ok(logits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{batches::tests::noise, model::testing::tiny_network};

    #[test]
    fn logits_do_not_depend_on_the_batch_size() {
        let (network, patches) = (tiny_network(5), noise(70, 2));
        let positions: Vec<usize> = (0..70).rev().collect();
        let logits = |batch| predict(&network, &patches, &positions, batch, |_| ()).unwrap();
        let one = logits(1);
        assert_eq!(one.len(), 70);
        for other in [logits(7), logits(64)] {
            assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5));
        }
        // In batches of one size, equal patches have equal logits at any position.
        let alike = predict(&network, &patches, &[69; 64], 16, |_| ()).unwrap();
        assert!(alike.iter().all(|logit| *logit == alike[0]));
        let mut told = 0;
        let first = predict(&network, &patches, &[69, 68, 67], 2, |done| told += done).unwrap();
        assert!(first.iter().zip(&one).all(|(a, b)| (a - b).abs() < 1e-5));
        assert_eq!(told, 3);
    }
}
