//! The NVIDIA driver: is there one, and how many GPUs does it show?
//!
//! Asked directly (`libcuda.so.1`), because that takes milliseconds where there is none, and because
//! libtorch tells no driver, no GPU and too old a driver apart only in a warning. Knows no libtorch.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use super::{library, unavailable::Unavailable};

/// How many GPUs the driver shows to this process (it honours `CUDA_VISIBLE_DEVICES`).
///
/// # Errors
/// `Driver` where it is absent or fails, `NoGpu` where it shows none.
pub(super) fn gpus() -> Result<usize, Unavailable> {
    let driver = library::open(c"libcuda.so.1").map_err(Unavailable::Driver)?;
    initialise(driver)?;
    let mut count: c_int = 0;
    // SAFETY: the type is the one that cuda.h gives (`CUresult cuDeviceGetCount(int *)`).
    let count_devices: unsafe extern "C" fn(*mut c_int) -> c_int =
        unsafe { std::mem::transmute(symbol(driver, c"cuDeviceGetCount")?) };
    // SAFETY: `count` outlives the call, which writes one int.
    told(driver, unsafe { count_devices(&raw mut count) })?;
    usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Unavailable::NoGpu)
}

fn initialise(driver: *mut c_void) -> Result<(), Unavailable> {
    // SAFETY: the type is the one that cuda.h gives (`CUresult cuInit(unsigned int)`).
    let initialise: unsafe extern "C" fn(c_uint) -> c_int =
        unsafe { std::mem::transmute(symbol(driver, c"cuInit")?) };
    // SAFETY: `cuInit` may be called any number of times; its flags must be 0.
    told(driver, unsafe { initialise(0) })
}

/// `CUDA_ERROR_NO_DEVICE` of cuda.h.
const NO_DEVICE: c_int = 100;

/// A result code of the driver, in its own words.
fn told(driver: *mut c_void, code: c_int) -> Result<(), Unavailable> {
    match code {
        0 => Ok(()),
        NO_DEVICE => Err(Unavailable::NoGpu),
        _ => Err(Unavailable::Driver(format!("{}, code {code}", words(driver, code)?))),
    }
}

fn words(driver: *mut c_void, code: c_int) -> Result<String, Unavailable> {
    let mut text: *const c_char = std::ptr::null();
    // SAFETY: the type is the one that cuda.h gives (`CUresult cuGetErrorString(CUresult, const char **)`).
    let describe: unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int =
        unsafe { std::mem::transmute(symbol(driver, c"cuGetErrorString")?) };
    // SAFETY: `text` outlives the call, which sets it to a static string, or to null.
    unsafe { describe(code, &raw mut text) };
    if text.is_null() {
        return Ok("unknown error".to_owned());
    }
    // SAFETY: not null, so a NUL-terminated string that lives as long as the driver is loaded: for ever.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

fn symbol(driver: *mut c_void, name: &CStr) -> Result<*mut c_void, Unavailable> {
    // SAFETY: `driver` is an open library; `name` is NUL-terminated.
    let found = unsafe { libc::dlsym(driver, name.as_ptr()) };
    if found.is_null() {
        return Err(Unavailable::Driver(format!("libcuda.so.1 has no {}", name.to_string_lossy())));
    }
    Ok(found)
}
