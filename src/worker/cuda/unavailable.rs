//! Why no GPU can be used.

/// Why no GPU can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    /// The driver is absent, or does not work.
    #[error("no usable NVIDIA driver ({0})")]
    Driver(String),
    /// The driver works and shows no GPU.
    #[error("the NVIDIA driver shows no GPU (is CUDA_VISIBLE_DEVICES set?)")]
    NoGpu,
    /// libtorch's CUDA half is absent, or does not load.
    #[error(
        "libtorch has no CUDA here: {0} (install the CUDA wheels of torch 2.11.0, or let LD_LIBRARY_PATH name their folder)"
    )]
    Library(String),
    /// libtorch's CUDA half is there and can use no GPU.
    #[error(
        "libtorch can use none of the {0} GPU(s) that the driver shows: the driver is too old for its CUDA version"
    )]
    Unusable(usize),
}
