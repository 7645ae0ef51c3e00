//! CUDA, loaded at run time, so that one binary serves machines with and without GPUs.
//!
//! `driver` asks the NVIDIA driver for GPUs, `library` loads the CUDA half of libtorch, `settings` makes it
//! deterministic. `device` decides which device a stage gets.

mod driver;
mod library;
mod settings;

pub(crate) use driver::generation;
pub(crate) use settings::allow_tf32;

use std::sync::OnceLock;

use tch::Cuda;

/// How many GPUs this process can use. The first call loads CUDA, if there is a GPU.
///
/// Every task must call this before anything else of libtorch, even on the CPU. libtorch looks for its CUDA half
/// only once, at the first operation that needs it, and starts autograd's device threads at the first backward
/// pass. If CUDA is loaded later, it stays unusable, and the next task may need it.
///
/// # Errors
/// Why there is no GPU.
pub(crate) fn gpus() -> Result<usize, String> {
    static GPUS: OnceLock<Result<usize, String>> = OnceLock::new();
    GPUS.get_or_init(load).clone()
}

fn load() -> Result<usize, String> {
    let shown = driver::gpus()?;
    library::load().map_err(|why| {
        format!(
            "libtorch has no CUDA here: {why} (install the CUDA wheels of torch 2.11.0, or add their folder to \
             LD_LIBRARY_PATH)"
        )
    })?;
    let usable = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if usable == 0 {
        return Err(format!(
            "libtorch can use none of the {shown} GPU(s) that the driver shows: the driver is too old for its \
             CUDA version"
        ));
    }
    settings::deterministic();
    Ok(usable)
}
