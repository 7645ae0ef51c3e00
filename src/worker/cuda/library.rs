//! Loads libtorch's CUDA half, `libtorch_cuda.so`, into the process.
//!
//! By its bare name first, which honours `LD_LIBRARY_PATH` and the binary's own run path, then
//! beside the `libtorch_cpu.so` that is loaded already. Its constructors announce CUDA to libtorch.

use std::{
    ffi::{CStr, CString, c_void},
    path::{Path, PathBuf},
};

const CUDA_HALF: &CStr = c"libtorch_cuda.so";

/// Loads the library for the life of the process.
///
/// # Errors
/// What the dynamic linker says.
pub(super) fn load() -> Result<(), String> {
    let by_name = match open(CUDA_HALF) {
        Ok(_) => return Ok(()),
        Err(message) => message,
    };
    let beside = beside_libtorch().filter(|path| path.exists()).ok_or(by_name)?;
    let beside = CString::new(beside.into_os_string().into_encoded_bytes())
        .map_err(|_| "libtorch is in a folder whose name contains a NUL".to_owned())?;
    open(&beside).map(drop)
}

/// Opens a shared library; never closed.
///
/// # Errors
/// What the dynamic linker says.
pub(super) fn open(name: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: `name` is NUL-terminated. Constructors run: of NVIDIA's driver and of libtorch, which
    // are made to be loaded so. GLOBAL, as Python loads them: CUDA's own libraries find each other.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if library.is_null() { Err(linker_message()) } else { Ok(library) }
}

fn linker_message() -> String {
    // SAFETY: `dlerror` returns null or a NUL-terminated string that stays until the next dl call of
    // this thread.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return "the dynamic linker gives no reason".to_owned();
    }
    // SAFETY: not null, see above.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

unsafe extern "C" {
    /// `at::globalContext()`: any function of `libtorch_cpu.so` would do.
    #[link_name = "_ZN2at13globalContextEv"]
    fn global_context() -> *mut c_void;
}

/// The path that `libtorch_cuda.so` has where it lies in the folder of the loaded `libtorch_cpu.so`.
fn beside_libtorch() -> Option<PathBuf> {
    // SAFETY: a `Dl_info` of null pointers and zeros is valid.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the address is only looked up; `info` outlives the call.
    let found = unsafe { libc::dladdr(global_context as *const c_void, &raw mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: not null: the linker's own NUL-terminated name of a library that stays loaded.
    let libtorch = unsafe { CStr::from_ptr(info.dli_fname) };
    let file = Path::new(libtorch.to_str().ok()?);
    Some(file.parent()?.join(CUDA_HALF.to_str().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuda_half_is_looked_for_beside_the_libtorch_that_is_loaded() {
        let path = beside_libtorch().unwrap();
        assert!(path.with_file_name("libtorch_cpu.so").exists(), "{}", path.display());
    }

    #[test]
    fn a_library_that_is_not_there_is_named_in_the_error() {
        let error = open(c"libpcamflow_no_such_library.so").unwrap_err();
        assert!(error.contains("libpcamflow_no_such_library.so"), "{error}");
    }
}
