//! How many images are computed at once in inference. Results do not depend on it.

use anyhow::Result;
use pcamflow::{protocol::Resources, side::Side};
use tch::{Kind, Tensor, no_grad};

use crate::model::Network;

/// The user's number of images, or `usual`, within the memory of the stage; at least one.
///
/// # Errors
/// A size does not fit its type.
pub(crate) fn batch_size(
    network: &Network,
    side: Side,
    resources: &Resources,
    usual: usize,
) -> Result<usize> {
    let wanted = resources.inference_batch.unwrap_or(usual);
    let most = match resources.memory {
        Some(memory) => usize::try_from(memory / image_bytes(network, side)?)?,
        None => usize::MAX,
    };
    Ok(wanted.min(most).max(1))
}

/// The memory that an image needs at most: the output of every layer, and as much again for gradients and
/// workspaces.
fn image_bytes(network: &Network, side: Side) -> Result<u64> {
    let side = side.get() as i64;
    let blank = Tensor::zeros([1, 3, side, side], (Kind::Float, network.device()));
    let forward = no_grad(|| network.forward_with_taps(&blank, None));
    let values: usize = forward.taps.iter().map(|(_, output)| output.numel()).sum();
    Ok(u64::try_from(2 * 4 * (values + blank.numel()))?)
}

#[cfg(test)]
mod tests {
    use pcamflow::stages::DeviceChoice;

    use super::*;
    use crate::model::testing::tiny_network;

    fn of(inference_batch: Option<usize>, memory: Option<u64>) -> usize {
        let device = DeviceChoice::Cpu;
        let resources = Resources {
            device,
            threads: 1,
            inference_batch,
            memory,
            precision_fallback: false,
            checkpoint_interval: 1,
            timeout: None,
        };
        batch_size(&tiny_network(1), Side::PCAM, &resources, 64).unwrap()
    }

    #[test]
    fn memory_limits_the_batch() {
        assert_eq!((of(Some(7), None), of(None, None)), (7, 64));
        let bytes = image_bytes(&tiny_network(1), Side::PCAM).unwrap();
        // The first 3 layers have 2 channels of 96 x 96 float32 each.
        assert!(bytes > 2 * 3 * 2 * 96 * 96 * 4);
        assert_eq!(of(Some(7), Some(3 * bytes + 1)), 3);
        assert_eq!(of(None, Some(1)), 1);
    }
}
