//! Cores and GPUs, divided among the stages that run.
//!
//! A stage whose result depends on the number of threads gets all cores to itself. Of the stages that can use any
//! number, two may run at once, each with one thread per core. The system divides the cores well between them,
//! and when one ends, the other has all cores. (With a fixed half each, cores were idle after the first one
//! ended.) Knows amounts; knows no stages.

use crate::{
    engine::exec::Capacity,
    stages::{Appetite, DeviceChoice},
};

/// What an executor has, and how much of it is free.
#[derive(Debug, Clone)]
pub struct Resources {
    cores: usize,
    /// Threads that may still start: at most two per core run at once.
    free_threads: usize,
    free_gpus: Vec<usize>,
    gpus: usize,
    free_jobs: usize,
    /// How many more stages may be jobs of a cluster.
    free_places: usize,
}

/// Threads per core.
const AT_ONCE: usize = 2;

/// What a stage asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// How many cores it can use.
    pub appetite: Appetite,
    /// The number of threads that the user has set.
    pub threads: Option<usize>,
    /// Where its tensors are to be; `None` if it has none.
    pub device: Option<DeviceChoice>,
    /// Whether it is computed as a job of a cluster, and so needs nothing of this machine.
    pub as_job: bool,
}

/// What a running stage holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Threads it may use.
    pub threads: usize,
    /// Where its tensors live.
    pub device: DeviceChoice,
    /// How many of the threads that may run at once it counts for.
    held: usize,
    gpu: Option<usize>,
    /// Whether it is a place among the jobs of a cluster.
    pub as_job: bool,
}

impl Resources {
    /// These cores and GPUs, for at most `jobs` stages at once.
    #[must_use]
    pub fn new(cores: usize, gpus: usize, jobs: usize) -> Self {
        let cores = cores.max(1);
        let (free_threads, free_gpus) = (cores * AT_ONCE, (0..gpus).collect());
        Self { cores, free_threads, free_gpus, gpus, free_jobs: jobs.max(1), free_places: usize::MAX }
    }

    /// Those of an executor, for at most `jobs` stages at once, or one per core.
    #[must_use]
    pub fn of(capacity: Capacity, jobs: Option<usize>) -> Self {
        Self::new(capacity.cores, capacity.gpus, jobs.unwrap_or(capacity.cores))
    }

    /// The same, with at most so many jobs of a cluster.
    #[must_use]
    pub fn with_places(self, places: usize) -> Self {
        Self { free_places: places.max(1), ..self }
    }

    /// Whether the machine has a GPU.
    #[must_use]
    pub fn has_gpus(&self) -> bool {
        self.gpus > 0
    }

    /// Whether as many stages run as may run at once.
    #[must_use]
    pub fn all_jobs_taken(&self) -> bool {
        self.free_jobs == 0
    }

    /// Takes what a stage asks for, if it is free.
    pub fn take(&mut self, request: Request) -> Option<Grant> {
        if request.as_job {
            return self.take_place(request);
        }
        if self.free_jobs == 0 {
            return None;
        }
        let gpu = self.gpu_for(request.device)?;
        let held = self.threads_for(request, gpu.is_some())?;
        self.free_jobs -= 1;
        self.free_threads -= held;
        self.free_gpus.retain(|free| Some(*free) != gpu);
        let usual = match request.appetite {
            Appetite::One if gpu.is_none() => 1,
            Appetite::One | Appetite::Share | Appetite::All => self.cores,
        };
        let threads = request.threads.unwrap_or(usual).max(1);
        Some(Grant { threads, device: device(request.device, gpu), held, gpu, as_job: false })
    }

    fn take_place(&mut self, request: Request) -> Option<Grant> {
        self.free_places = self.free_places.checked_sub(1)?;
        let threads = request.threads.unwrap_or(1).max(1);
        Some(Grant { threads, device: device(request.device, None), held: 0, gpu: None, as_job: true })
    }

    /// Takes back what a stage holds.
    pub fn give_back(&mut self, grant: &Grant) {
        if grant.as_job {
            self.free_places += 1;
            return;
        }
        self.free_jobs += 1;
        self.free_threads += grant.held;
        self.free_gpus.extend(grant.gpu);
        self.free_gpus.sort_unstable();
    }

    /// The GPU for a device: `Some(None)` if it needs none, `None` if it is busy.
    fn gpu_for(&self, device: Option<DeviceChoice>) -> Option<Option<usize>> {
        let gpu = match device {
            None | Some(DeviceChoice::Cpu) => return Some(None),
            Some(DeviceChoice::Auto) if self.gpus == 0 => return Some(None),
            Some(DeviceChoice::Auto) => self.free_gpus.first().copied(),
            // The machine has no such GPU: the worker will report it.
            Some(DeviceChoice::Cuda(index)) if index >= self.gpus => return Some(None),
            Some(DeviceChoice::Cuda(index)) => Some(index).filter(|index| self.free_gpus.contains(index)),
        };
        gpu.map(Some)
    }

    fn threads_for(&self, request: Request, on_gpu: bool) -> Option<usize> {
        if on_gpu {
            return Some(self.free_threads.min(1)); // Feeding a GPU uses a core, but does not wait for one.
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

fn device(request: Option<DeviceChoice>, gpu: Option<usize>) -> DeviceChoice {
    match (request, gpu) {
        (None, _) => DeviceChoice::Cpu,
        // `auto` stays `auto` on the first GPU, because it means the CPU if libtorch has no CUDA.
        (Some(DeviceChoice::Auto), None | Some(0)) => DeviceChoice::Auto,
        (Some(DeviceChoice::Auto), Some(index)) => DeviceChoice::Cuda(index),
        (Some(device), _) => device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(appetite: Appetite, device: Option<DeviceChoice>) -> Request {
        Request { appetite, threads: None, device, as_job: false }
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
    fn a_stage_gets_the_threads_that_the_user_has_set() {
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
    fn a_missing_gpu_is_granted_so_that_the_worker_refuses_it() {
        let mut resources = Resources::new(2, 0, 4);
        let grant = resources.take(request(Appetite::Share, Some(DeviceChoice::Cuda(0)))).unwrap();
        assert_eq!(grant.device, DeviceChoice::Cuda(0));
    }

    #[test]
    fn jobs_of_a_cluster_hold_only_their_places() {
        let mut resources = Resources::new(2, 0, 1).with_places(2);
        let job =
            Request { as_job: true, threads: Some(8), ..request(Appetite::All, Some(DeviceChoice::Auto)) };
        let first = resources.take(job).unwrap();
        assert_eq!((first.threads, first.device), (8, DeviceChoice::Auto));
        assert!(resources.take(job).is_some());
        assert_eq!(resources.take(job), None);
        assert!(resources.take(request(Appetite::All, None)).is_some() && resources.all_jobs_taken());
        resources.give_back(&first);
        assert!(resources.take(job).is_some());
    }

    #[test]
    fn no_more_stages_at_once_than_jobs() {
        let mut resources = Resources::new(8, 0, 1);
        assert!(resources.take(request(Appetite::One, None)).is_some());
        assert_eq!(resources.take(request(Appetite::One, None)), None);
    }
}
