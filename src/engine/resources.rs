//! Cores and GPUs, shared out among the stages that run.
//!
//! A stage that can use every core gets all of them, so that its result does not depend on what else
//! runs; the others share. Knows how much there is and who has it; knows no stage.

use crate::stages::{Appetite, DeviceChoice};

/// What a machine has, and how much of it is free.
#[derive(Debug, Clone)]
pub struct Resources {
    cores: usize,
    free_cores: usize,
    free_gpus: Vec<usize>,
    gpus: usize,
    free_jobs: usize,
}

/// What a stage asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How many cores it can use.
    pub appetite: Appetite,
    /// At most so many threads, where the user says so.
    pub threads: Option<usize>,
    /// Where it wants its tensors; `None` where it has none.
    pub device: Option<DeviceChoice>,
}

/// What a running stage holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Threads it may use.
    pub threads: usize,
    /// Where its tensors live.
    pub device: DeviceChoice,
    cores: usize,
    gpu: Option<usize>,
}

impl Resources {
    /// So many cores and GPUs, and at most `jobs` stages at once.
    #[must_use]
    pub fn new(cores: usize, gpus: usize, jobs: usize) -> Self {
        let cores = cores.max(1);
        Self { cores, free_cores: cores, free_gpus: (0..gpus).collect(), gpus, free_jobs: jobs.max(1) }
    }

    /// This machine's.
    #[must_use]
    pub fn of_this_machine(jobs: Option<usize>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores, gpu_count(), jobs.unwrap_or(cores))
    }

    /// Whether the machine has a GPU.
    #[must_use]
    pub fn has_gpus(&self) -> bool {
        self.gpus > 0
    }

    /// Takes what is wished for, if it is free. `waiting` stages want a share of the cores, too.
    pub fn take(&mut self, wish: Wish, waiting: usize) -> Option<Grant> {
        if self.free_jobs == 0 {
            return None;
        }
        let gpu = match self.gpu_for(wish.device) {
            Gpu::None => None,
            Gpu::Free(index) => Some(index),
            Gpu::Busy => return None,
        };
        let cores = self.cores_for(wish, gpu.is_some(), waiting)?;
        self.free_jobs -= 1;
        self.free_cores -= cores;
        self.free_gpus.retain(|free| Some(*free) != gpu);
        let threads = wish.threads.unwrap_or(if gpu.is_some() { self.cores } else { cores });
        Some(Grant { threads: threads.max(1), device: device(wish.device, gpu), cores, gpu })
    }

    /// Takes back what a stage held.
    pub fn give_back(&mut self, grant: &Grant) {
        self.free_jobs += 1;
        self.free_cores += grant.cores;
        self.free_gpus.extend(grant.gpu);
        self.free_gpus.sort_unstable();
    }

    fn gpu_for(&self, device: Option<DeviceChoice>) -> Gpu {
        match device {
            None | Some(DeviceChoice::Cpu) => Gpu::None,
            Some(DeviceChoice::Auto) if self.gpus == 0 => Gpu::None,
            Some(DeviceChoice::Auto) => self.free_gpus.first().map_or(Gpu::Busy, |index| Gpu::Free(*index)),
            // A GPU that this machine does not have: the worker says so better than a wait would.
            Some(DeviceChoice::Cuda(index)) if index >= self.gpus => Gpu::None,
            Some(DeviceChoice::Cuda(index)) if self.free_gpus.contains(&index) => Gpu::Free(index),
            Some(DeviceChoice::Cuda(_)) => Gpu::Busy,
        }
    }

    fn cores_for(&self, wish: Wish, on_gpu: bool, waiting: usize) -> Option<usize> {
        if on_gpu {
            return Some(self.free_cores.min(1)); // Feeding a GPU takes a core, but never waits for one.
        }
        if self.free_cores == 0 {
            return None;
        }
        match (wish.appetite, wish.threads) {
            (Appetite::One, _) => Some(1),
            (_, Some(threads)) => {
                let cores = threads.clamp(1, self.cores);
                (cores <= self.free_cores).then_some(cores)
            }
            (Appetite::All, None) => (self.free_cores == self.cores).then_some(self.cores),
            (Appetite::Share, None) => Some((self.free_cores / waiting.max(1)).max(1)),
        }
    }
}

enum Gpu {
    None,
    Free(usize),
    Busy,
}

fn device(wish: Option<DeviceChoice>, gpu: Option<usize>) -> DeviceChoice {
    match (wish, gpu) {
        (None, _) => DeviceChoice::Cpu,
        // `auto` stays `auto` on the first GPU: where libtorch has no CUDA it means the CPU.
        (Some(DeviceChoice::Auto), None | Some(0)) => DeviceChoice::Auto,
        (Some(DeviceChoice::Auto), Some(index)) => DeviceChoice::Cuda(index),
        (Some(device), _) => device,
    }
}

/// How many NVIDIA GPUs the kernel's driver shows.
fn gpu_count() -> usize {
    let folder = std::fs::read_dir("/proc/driver/nvidia/gpus");
    folder.map_or(0, |entries| entries.filter_map(Result::ok).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(appetite: Appetite, device: Option<DeviceChoice>) -> Wish {
        Wish { appetite, threads: None, device }
    }

    #[test]
    fn training_waits_for_all_cores_and_gets_them() {
        let mut resources = Resources::new(4, 0, 4);
        let split = resources.take(wish(Appetite::One, None), 1).unwrap();
        assert_eq!(resources.take(wish(Appetite::All, Some(DeviceChoice::Auto)), 1), None);
        resources.give_back(&split);
        let train = resources.take(wish(Appetite::All, Some(DeviceChoice::Auto)), 1).unwrap();
        assert_eq!((train.threads, train.device), (4, DeviceChoice::Auto));
        assert_eq!(resources.take(wish(Appetite::One, None), 1), None);
    }

    #[test]
    fn explainers_share_the_cores() {
        let mut resources = Resources::new(4, 0, 4);
        let first = resources.take(wish(Appetite::Share, Some(DeviceChoice::Cpu)), 2).unwrap();
        let second = resources.take(wish(Appetite::Share, Some(DeviceChoice::Cpu)), 1).unwrap();
        assert_eq!((first.threads, second.threads), (2, 2));
    }

    #[test]
    fn a_gpu_is_held_by_one_stage() {
        let mut resources = Resources::new(2, 1, 4);
        let auto = Some(DeviceChoice::Auto);
        let first = resources.take(wish(Appetite::All, auto), 1).unwrap();
        assert_eq!(resources.take(wish(Appetite::Share, auto), 1), None);
        assert!(resources.take(wish(Appetite::One, None), 1).is_some());
        resources.give_back(&first);
        assert!(resources.take(wish(Appetite::Share, Some(DeviceChoice::Cuda(0))), 1).is_some());
    }

    #[test]
    fn a_gpu_that_is_not_there_is_left_to_the_worker_to_refuse() {
        let mut resources = Resources::new(2, 0, 4);
        let grant = resources.take(wish(Appetite::Share, Some(DeviceChoice::Cuda(0))), 1).unwrap();
        assert_eq!(grant.device, DeviceChoice::Cuda(0));
    }

    #[test]
    fn no_more_stages_at_once_than_jobs() {
        let mut resources = Resources::new(8, 0, 1);
        assert!(resources.take(wish(Appetite::One, None), 1).is_some());
        assert_eq!(resources.take(wish(Appetite::One, None), 1), None);
    }
}
