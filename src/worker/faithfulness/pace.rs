//! How many images are computed at once, on how many threads.

use anyhow::Result;
use pcamflow::{protocol::Resources, side::Side};
use tch::Device;

use crate::{batch_size::batch_size, model::Classifier};

/// Images at once per CPU thread: they fit its caches.
const ON_A_THREAD: usize = 8;
/// Images at once on a GPU: most of a usual curve.
const ON_A_GPU: usize = 96;

/// Images at once and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Images at once, per thread.
    pub(crate) chunk: usize,
    /// Threads that compute in parallel.
    pub(crate) threads: usize,
}

impl Pace {
    /// The pace within the memory of the stage. If memory is short, there are first fewer threads and then smaller
    /// chunks, because the last bits of a logit depend on the size of the chunk.
    ///
    /// # Errors
    /// A size does not fit its type.
    pub(crate) fn new(network: &dyn Classifier, side: Side, resources: &Resources) -> Result<Self> {
        let usual = match network.device() {
            Device::Cuda(_) => ON_A_GPU,
            Device::Cpu | Device::Mps | Device::Vulkan => ON_A_THREAD,
        };
        let chunk = batch_size(network, side, resources, usual)?.min(usual);
        let unasked = Resources { inference_batch: None, ..resources.clone() };
        let most = batch_size(network, side, &unasked, usize::MAX)?;
        Ok(Self { chunk, threads: resources.threads.min(most / chunk).max(1) })
    }
}

#[cfg(test)]
mod tests {
    use pcamflow::stages::DeviceChoice;

    use super::*;
    use crate::model::testing::tiny_network;

    fn pace(inference_batch: Option<usize>, memory: Option<u64>) -> (usize, usize) {
        let device = DeviceChoice::Cpu;
        let resources = Resources {
            device,
            threads: 4,
            inference_batch,
            memory,
            precision_fallback: false,
            checkpoint_interval: 1,
            timeout: None,
        };
        let pace = Pace::new(&tiny_network(1), Side::PCAM, &resources).unwrap();
        (pace.chunk, pace.threads)
    }

    #[test]
    fn threads_are_reduced_before_chunks() {
        assert_eq!(pace(None, None), (8, 4));
        assert_eq!((pace(Some(64), None), pace(Some(7), None)), ((8, 4), (7, 4)));
        // The memory of an image: half of the least memory for two at once.
        let an_image =
            (1..1 << 30).step_by(1 << 12).find(|&memory| pace(None, Some(memory)).0 > 1).unwrap() / 2;
        let [plenty, some, little] = [33, 17, 5].map(|images| pace(None, Some(images * (an_image + 4096))));
        assert_eq!((plenty, some, little), ((8, 4), (8, 2), (5, 1)));
    }
}
