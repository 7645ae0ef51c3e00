//! Cores and GPUs, shared out among the stages that run.
//!
//! A stage whose result depends on the number of threads gets all cores to itself. Of those that can use
//! any number, two may run at once with a thread per core each: their threads need no other's company, so
//! the system shares the cores out well, and who is left alone has them all. (A fixed half each left
//! a core idle as soon as one of two was done.) Knows how much there is and who has it; knows no stage.

use crate::{
    engine::exec::Capacity,
    stages::{Appetite, DeviceChoice},
};

/// What an executor has, and how much of it is free.
#[derive(Debug, Clone)]
pub struct Resources {
    cores: usize,
    /// Threads that may still start: twice as many as cores run at once.
    free_threads: usize,
    free_gpus: Vec<usize>,
    gpus: usize,
    free_jobs: usize,
}

/// Threads per core.
const AT_ONCE: usize = 2;

/// What a stage asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
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
    /// Of the threads that may run at once.
    held: usize,
    gpu: Option<usize>,
}

impl Resources {
    /// So many cores and GPUs, and at most `jobs` stages at once.
    #[must_use]
    pub fn new(cores: usize, gpus: usize, jobs: usize) -> Self {
        let cores = cores.max(1);
        let (free_threads, free_gpus) = (cores * AT_ONCE, (0..gpus).collect());
        Self { cores, free_threads, free_gpus, gpus, free_jobs: jobs.max(1) }
    }

    /// An executor's; at most so many stages at once, or one per core.
    #[must_use]
    pub fn of(capacity: Capacity, jobs: Option<usize>) -> Self {
        Self::new(capacity.cores, capacity.gpus, jobs.unwrap_or(capacity.cores))
    }

    /// Whether the machine has a GPU.
    #[must_use]
    pub fn has_gpus(&self) -> bool {
        self.gpus > 0
    }

    /// Whether as many stages run as may, so that nothing needs to be wished for.
    #[must_use]
    pub fn all_jobs_taken(&self) -> bool {
        self.free_jobs == 0
    }

    /// Takes what is wished for, if it is free.
    pub fn take(&mut self, request: Request) -> Option<Grant> {
        if self.free_jobs == 0 {
            return None;
        }
        let gpu = match self.gpu_for(request.device) {
            Gpu::None => None,
            Gpu::Free(index) => Some(index),
            Gpu::Busy => return None,
        };
        let held = self.threads_for(request, gpu.is_some())?;
        self.free_jobs -= 1;
        self.free_threads -= held;
        self.free_gpus.retain(|free| Some(*free) != gpu);
        let usual = match request.appetite {
            Appetite::One if gpu.is_none() => 1,
            Appetite::One | Appetite::Share | Appetite::All => self.cores,
        };
        let threads = request.threads.unwrap_or(usual).max(1);
        Some(Grant { threads, device: device(request.device, gpu), held, gpu })
    }

    /// Takes back what a stage held.
    pub fn give_back(&mut self, grant: &Grant) {
        self.free_jobs += 1;
        self.free_threads += grant.held;
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

    fn threads_for(&self, request: Request, on_gpu: bool) -> Option<usize> {
        if on_gpu {
            return Some(self.free_threads.min(1)); // Feeding a GPU takes a core, but never waits for one.
        }
        let held = match (request.appetite, request.threads) {
            (Appetite::One, _) => 1,
            (Appetite::All, None) => self.cores * AT_ONCE,
            (Appetite::All | Appetite::Share, Some(threads)) => threads.clamp(1, self.cores),
            (Appetite::Share, None) => self.cores,
        };
        (held <= self.free_threads).then_some(held)
    }
}

enum Gpu {
    None,
    Free(usize),
    Busy,
}

fn device(request: Option<DeviceChoice>, gpu: Option<usize>) -> DeviceChoice {
    match (request, gpu) {
        (None, _) => DeviceChoice::Cpu,
        // `auto` stays `auto` on the first GPU: where libtorch has no CUDA it means the CPU.
        (Some(DeviceChoice::Auto), None | Some(0)) => DeviceChoice::Auto,
        (Some(DeviceChoice::Auto), Some(index)) => DeviceChoice::Cuda(index),
        (Some(device), _) => device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(appetite: Appetite, device: Option<DeviceChoice>) -> Request {
        Request { appetite, threads: None, device }
    }

    #[test]
    fn training_waits_for_all_cores_and_gets_them() {
        let mut resources = Resources::new(4, 0, 4);
        let split = resources.take(request(Appetite::One, None)).unwrap();
        assert_eq!(resources.take(request(Appetite::All, Some(DeviceChoice::Auto))), None);
        resources.give_back(&split);
        let train = resources.take(request(Appetite::All, Some(DeviceChoice::Auto))).unwrap();
        assert_eq!((train.threads, train.device), (4, DeviceChoice::Auto));
        assert_eq!(resources.take(request(Appetite::One, None)), None);
    }

    #[test]
    fn two_explainers_share_the_cores_and_a_third_one_waits() {
        let mut resources = Resources::new(4, 0, 4);
        let first = resources.take(request(Appetite::Share, Some(DeviceChoice::Cpu))).unwrap();
        let second = resources.take(request(Appetite::Share, Some(DeviceChoice::Cpu))).unwrap();
        assert_eq!((first.threads, second.threads), (4, 4));
        assert_eq!(resources.take(request(Appetite::Share, Some(DeviceChoice::Cpu))), None);
        assert_eq!(resources.take(request(Appetite::All, Some(DeviceChoice::Cpu))), None);
        resources.give_back(&first);
        assert!(resources.take(request(Appetite::One, None)).is_some());
    }

    #[test]
    fn threads_that_the_user_names_are_those_that_a_stage_gets() {
        let mut resources = Resources::new(4, 0, 9);
        let two = Request { threads: Some(2), ..request(Appetite::All, Some(DeviceChoice::Cpu)) };
        let grants: Vec<Grant> = std::iter::from_fn(|| resources.take(two)).collect();
        assert_eq!(grants.iter().map(|grant| grant.threads).collect::<Vec<_>>(), [2; 4]);
    }

    #[test]
    fn a_gpu_is_held_by_one_stage() {
        let mut resources = Resources::new(2, 1, 4);
        let auto = Some(DeviceChoice::Auto);
        let first = resources.take(request(Appetite::All, auto)).unwrap();
        assert_eq!(resources.take(request(Appetite::Share, auto)), None);
        assert!(resources.take(request(Appetite::One, None)).is_some());
        resources.give_back(&first);
        assert!(resources.take(request(Appetite::Share, Some(DeviceChoice::Cuda(0)))).is_some());
    }

    #[test]
    fn a_gpu_that_is_not_there_is_left_to_the_worker_to_refuse() {
        let mut resources = Resources::new(2, 0, 4);
        let grant = resources.take(request(Appetite::Share, Some(DeviceChoice::Cuda(0)))).unwrap();
        assert_eq!(grant.device, DeviceChoice::Cuda(0));
    }

    #[test]
    fn no_more_stages_at_once_than_jobs() {
        let mut resources = Resources::new(8, 0, 1);
        assert!(resources.take(request(Appetite::One, None)).is_some());
        assert_eq!(resources.take(request(Appetite::One, None)), None);
    }
}
