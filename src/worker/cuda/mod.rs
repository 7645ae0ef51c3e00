//! CUDA, loaded at run time: one binary serves machines with and without it.
//!
//! `driver` asks the NVIDIA driver how many GPUs there are, `library` loads libtorch's CUDA half,
//! `settings` makes it deterministic. Which device a stage gets is decided in `device`.

mod driver;
mod library;
mod settings;
mod unavailable;

use std::sync::OnceLock;

use tch::Cuda;

pub(crate) use unavailable::Unavailable;

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
