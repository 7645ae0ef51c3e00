//! Logits of many patches, in batches.
//!
//! An image's logit does not depend on the batch that it is in, but for rounding: another size of the batch
//! means other kernels. Within one size its place changes nothing on a CPU. Knows no stage.

use anyhow::Result;
use tch::{Device, no_grad};

use crate::{
    batches::{self, Patches},
    model::{Mode, Network},
};

/// Images a batch where the user does not say: on a CPU what its caches like, on a GPU what keeps it busy.
pub(crate) fn default_batch(device: Device) -> usize {
    match device {
        Device::Cuda(_) => 512,
        Device::Cpu | Device::Mps | Device::Vulkan => 16,
    }
}

/// The logits of the patches at `positions`, in their order. `tell` hears how many were done last.
///
/// # Errors
/// What reading reports.
pub(crate) fn predict(
    network: &Network,
    patches: &dyn Patches,
    positions: &[usize],
    batch: usize,
    mut tell: impl FnMut(usize),
) -> Result<Vec<f32>> {
    let mut logits = Vec::with_capacity(positions.len());
    batches::for_each(patches, positions, batch, |batch| {
        let images = batch.images(network.device());
        let part = no_grad(|| network.forward(&images, Mode::Inference));
        logits.extend(Vec::<f32>::try_from(&part)?);
        tell(batch.len());
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
        // Equal patches in batches of one size: equal to the last bit, wherever they are.
        let alike = predict(&network, &patches, &[69; 64], 16, |_| ()).unwrap();
        assert!(alike.iter().all(|logit| *logit == alike[0]));
        let mut told = 0;
        let first = predict(&network, &patches, &[69, 68, 67], 2, |done| told += done).unwrap();
        assert!(first.iter().zip(&one).all(|(a, b)| (a - b).abs() < 1e-5));
        assert_eq!(told, 3);
    }
}
