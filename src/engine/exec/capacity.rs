//! How much an executor can compute at once. Knows no stage.

/// What an executor has to compute with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// CPU cores.
    pub cores: usize,
    /// GPUs.
    pub gpus: usize,
}

impl Capacity {
    /// What this process may use of its machine: the cores that its affinity and its cgroup (container) allow, and
    /// the GPUs that NVIDIA's driver lists.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let gpus = std::fs::read_dir("/proc/driver/nvidia/gpus");
        Self { cores, gpus: gpus.map_or(0, |entries| entries.filter_map(Result::ok).count()) }
    }
}
