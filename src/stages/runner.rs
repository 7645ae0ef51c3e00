//! The two kinds of processes that compute stages.

/// Which process computes a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// A child of the engine, without libtorch.
    Engine,
    /// The worker, which loads libtorch.
    Worker,
}
