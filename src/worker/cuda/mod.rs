//! CUDA, loaded at run time: one binary serves machines with and without it.
//!
//! `driver` asks the NVIDIA driver how many GPUs there are, `library` loads libtorch's CUDA half,
//! `settings` makes it deterministic. Which device a stage gets is decided in `device`.

mod driver;
mod library;
mod settings;

use std::sync::OnceLock;

use tch::Cuda;

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

/// How many GPUs this process can use; loads CUDA at the first call.
///
/// Call it before anything else of libtorch. libtorch looks for its CUDA half once, at the first
/// operation that asks for it, and starts autograd's device threads once, at the first backward
/// pass: loaded later, CUDA stays dead for the life of the process. So every task asks here first,
/// tasks for the CPU included: the next one may want the GPU. Without a GPU nothing is loaded.
///
/// # Errors
/// Why there is none.
pub(crate) fn gpus() -> Result<usize, Unavailable> {
    static GPUS: OnceLock<Result<usize, Unavailable>> = OnceLock::new();
    GPUS.get_or_init(load).clone()
}

fn load() -> Result<usize, Unavailable> {
    let shown = driver::gpus()?;
    library::load().map_err(Unavailable::Library)?;
    let usable = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if usable == 0 {
        return Err(Unavailable::Unusable(shown));
    }
    settings::deterministic();
    Ok(usable)
}
