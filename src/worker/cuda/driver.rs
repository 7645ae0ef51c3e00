//! The NVIDIA driver: is it there, and how many GPUs does it show?
//!
//! Calls `libcuda.so.1` directly. This takes only milliseconds if there is no driver, and the error is precise;
//! libtorch would only print a warning.

use std::ffi::{CStr, c_int, c_uint, c_void};

use super::library;

/// `CUDA_ERROR_NO_DEVICE` of cuda.h.
const NO_DEVICE: c_int = 100;

/// How many GPUs the driver shows to this process (it obeys `CUDA_VISIBLE_DEVICES`).
///
/// # Errors
/// The driver is missing or fails, or it shows no GPU.
pub(super) fn gpus() -> Result<usize, String> {
    let unusable = |why: String| format!("no usable NVIDIA driver ({why})");
    let driver = library::open(c"libcuda.so.1").map_err(unusable)?;
    // SAFETY: the type in cuda.h is `CUresult cuInit(unsigned int)`.
    let initialise: unsafe extern "C" fn(c_uint) -> c_int =
        unsafe { std::mem::transmute(symbol(driver, c"cuInit").map_err(unusable)?) };
    // SAFETY: the type in cuda.h is `CUresult cuDeviceGetCount(int *)`.
    let count_devices: unsafe extern "C" fn(*mut c_int) -> c_int =
        unsafe { std::mem::transmute(symbol(driver, c"cuDeviceGetCount").map_err(unusable)?) };
    let mut count: c_int = 0;
    // SAFETY: the flags of `cuInit` must be 0. `count` outlives the call, which writes one int.
    let code = unsafe {
        match initialise(0) {
            0 => count_devices(&raw mut count),
            failed => failed,
        }
    };
    match (code, usize::try_from(count).unwrap_or(0)) {
        (0 | NO_DEVICE, 0) => Err("the NVIDIA driver shows no GPU (is CUDA_VISIBLE_DEVICES set?)".to_owned()),
        (0, count) => Ok(count),
        (code, _) => Err(unusable(format!("CUDA error {code}"))),
    }
}

fn symbol(driver: *mut c_void, name: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: `driver` is an open library; `name` is NUL-terminated.
    let found = unsafe { libc::dlsym(driver, name.as_ptr()) };
    if found.is_null() {
        return Err(format!("libcuda.so.1 has no {}", name.to_string_lossy()));
    }
    Ok(found)
}
