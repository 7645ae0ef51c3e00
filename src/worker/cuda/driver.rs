//! The NVIDIA driver: is it there, how many GPUs does it show, and how new are they?
//!
//! Calls `libcuda.so.1` directly. This takes only milliseconds if there is no driver, and the error is precise;
//! libtorch would only print a warning.

use std::ffi::{CStr, c_int, c_uint, c_void};

use super::library;

/// `CUDA_ERROR_NO_DEVICE` of cuda.h.
const NO_DEVICE: c_int = 100;
/// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` of cuda.h.
const MAJOR: c_int = 75;

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

/// The generation of a GPU: the major number of its compute capability. 0 if the driver does not tell.
pub(crate) fn generation(index: usize) -> i32 {
    generation_of(index).unwrap_or(0)
}

fn generation_of(index: usize) -> Result<i32, String> {
    let driver = library::open(c"libcuda.so.1")?;
    // SAFETY: the type in cuda.h is `CUresult cuDeviceGet(CUdevice *, int)`, and `CUdevice` is an int.
    let get: unsafe extern "C" fn(*mut c_int, c_int) -> c_int =
        unsafe { std::mem::transmute(symbol(driver, c"cuDeviceGet")?) };
    // SAFETY: the type in cuda.h is `CUresult cuDeviceGetAttribute(int *, CUdevice_attribute, CUdevice)`.
    let attribute: unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int =
        unsafe { std::mem::transmute(symbol(driver, c"cuDeviceGetAttribute")?) };
    let (mut device, mut major): (c_int, c_int) = (0, 0);
    let ordinal = c_int::try_from(index).map_err(|error| error.to_string())?;
    // SAFETY: both integers outlive the calls, which write one each.
    let code = unsafe {
        match get(&raw mut device, ordinal) {
            0 => attribute(&raw mut major, MAJOR, device),
            failed => failed,
        }
    };
    if code == 0 { Ok(major) } else { Err(format!("CUDA error {code}")) }
}

fn symbol(driver: *mut c_void, name: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: `driver` is an open library; `name` is NUL-terminated.
    let found = unsafe { libc::dlsym(driver, name.as_ptr()) };
    if found.is_null() {
        return Err(format!("libcuda.so.1 has no {}", name.to_string_lossy()));
    }
    Ok(found)
}
