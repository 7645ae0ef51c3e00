//! How many images at once, and on how many threads.

use anyhow::Result;
use pcamflow::protocol::Resources;
use tch::Device;

use crate::{batch_size::batch_size, model::Network};

/// Images at once on one thread of a CPU: what its caches hold.
const ON_A_THREAD: usize = 8;
/// Images at once on a GPU: most of a curve of the usual length.
const ON_A_GPU: usize = 96;

/// How fast to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Images at once, per thread.
    pub(crate) chunk: usize,
    /// Threads that compute side by side.
    pub(crate) threads: usize,
}

impl Pace {
    /// The pace that keeps within the memory that a stage may use. The last bits of a logit depend on the
    /// images that are computed at once, so where memory is short there are fewer threads before there are
    /// smaller chunks.
    ///
    /// # Errors
    /// A layer whose size cannot be told.
    pub(crate) fn new(network: &Network, resources: &Resources) -> Result<Self> {
        let usual = match network.device() {
            Device::Cuda(_) => ON_A_GPU,
            Device::Cpu | Device::Mps | Device::Vulkan => ON_A_THREAD,
        };
        let chunk = batch_size(network, resources, usual)?.min(usual);
        let unasked = Resources { inference_batch: None, ..resources.clone() };
        let most = batch_size(network, &unasked, usize::MAX)?;
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
        let resources =
            Resources { device, threads: 4, inference_batch, memory, checkpoint_interval: 1, timeout: None };
        let pace = Pace::new(&tiny_network(1), &resources).unwrap();
        (pace.chunk, pace.threads)
    }

    #[test]
    fn threads_go_before_chunks_get_smaller() {
        assert_eq!(pace(None, None), (8, 4));
        assert_eq!((pace(Some(64), None), pace(Some(7), None)), ((8, 4), (7, 4)));
        // How much memory an image takes: the least with which two are computed at once.
        let an_image =
            (1..1 << 30).step_by(1 << 12).find(|&memory| pace(None, Some(memory)).0 > 1).unwrap() / 2;
        let [plenty, some, little] = [33, 17, 5].map(|images| pace(None, Some(images * (an_image + 4096))));
        assert_eq!((plenty, some, little), ((8, 4), (8, 2), (5, 1)));
    }
}
