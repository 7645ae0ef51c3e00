//! Loads the CUDA half of libtorch, `libtorch_cuda.so`, into the process.
//!
//! First by its name, which respects `LD_LIBRARY_PATH` and the run path of the binary, then from the folder of
//! the loaded `libtorch_cpu.so`. Its constructors register CUDA with libtorch.

use std::{
    ffi::{CStr, CString, c_void},
    path::{Path, PathBuf},
};

const CUDA_HALF: &CStr = c"libtorch_cuda.so";

/// Loads the library for the life of the process.
///
/// # Errors
/// The message of the dynamic linker.
pub(super) fn load() -> Result<(), String> {
    let by_name = match open(CUDA_HALF) {
        Ok(_) => return Ok(()),
        Err(message) => message,
    };
    let beside = beside_libtorch().filter(|path| path.exists()).ok_or(by_name)?;
    let beside =
        CString::new(beside.into_os_string().into_encoded_bytes()).map_err(|error| error.to_string())?;
    open(&beside).map(drop)
}

/// Opens a shared library. It is never closed.
///
/// # Errors
/// The message of the dynamic linker.
pub(super) fn open(name: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: `name` is NUL-terminated. The constructors of NVIDIA's driver and of libtorch are made for this.
    // GLOBAL, as in Python, so that the libraries of CUDA find each other.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if library.is_null() { Err(linker_message()) } else { Ok(library) }
}

fn linker_message() -> String {
    // SAFETY: `dlerror` returns null or a NUL-terminated string that is valid until this thread's next dl call.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return "the dynamic linker gives no reason".to_owned();
    }
    // SAFETY: not null, see above.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

unsafe extern "C" {
    /// `at::Context& at::globalContext()`, a function of `libtorch_cpu.so`.
    #[link_name = "_ZN2at13globalContextEv"]
    pub(super) fn global_context() -> *mut c_void;
}

/// The path of `libtorch_cuda.so` in the folder of the loaded `libtorch_cpu.so`.
fn beside_libtorch() -> Option<PathBuf> {
    // SAFETY: a `Dl_info` of null pointers and zeros is valid.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the address is only looked up; `info` outlives the call.
    let found = unsafe { libc::dladdr(global_context as *const c_void, &raw mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: not null, so the NUL-terminated name of a library that stays loaded.
    let libtorch = unsafe { CStr::from_ptr(info.dli_fname) };
    let file = Path::new(libtorch.to_str().ok()?);
    Some(file.parent()?.join(CUDA_HALF.to_str().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuda_half_is_expected_beside_the_loaded_libtorch() {
        let path = beside_libtorch().unwrap();
        assert!(path.with_file_name("libtorch_cpu.so").exists(), "{}", path.display());
    }

    #[test]
    fn the_error_names_a_missing_library() {
        let error = open(c"libpcamflow_no_such_library.so").unwrap_err();
        assert!(error.contains("libpcamflow_no_such_library.so"), "{error}");
    }
}
