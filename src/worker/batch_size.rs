//! How many images are computed at once in inference. Results do not depend on it.

use anyhow::Result;
use pcamflow::{protocol::Resources, side::Side};

use crate::model::Classifier;

/// The user's number of images, or `usual`, within the memory of the stage; at least one.
///
/// # Errors
/// A size does not fit its type.
pub(crate) fn batch_size(
    network: &dyn Classifier,
    side: Side,
    resources: &Resources,
    usual: usize,
) -> Result<usize> {
    let wanted = resources.inference_batch.unwrap_or(usual);
    let most = match resources.memory {
        Some(memory) => usize::try_from(memory / network.patch_bytes(side)?)?,
        None => usize::MAX,
    };
    Ok(wanted.min(most).max(1))
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
        let bytes = tiny_network(1).patch_bytes(Side::PCAM).unwrap();
        // The first 3 layers have 2 channels of 96 x 96 float32 each.
        assert!(bytes > 2 * 3 * 2 * 96 * 96 * 4);
        assert_eq!(of(Some(7), Some(3 * bytes + 1)), 3);
        assert_eq!(of(None, Some(1)), 1);
    }
}
