//! Makes CUDA deterministic, and chooses between full single precision and TF32.
//!
//! By default libtorch lets cuDNN choose nondeterministic convolutions and round their inputs to TF32 (10 bits).
//! tch cannot change this, so the setters of `at::Context` are declared here by their exported names. libtorch is
//! pinned: with another version the binary would not link.

use std::ffi::c_void;

use tch::Cuda;

use super::library::global_context;

unsafe extern "C" {
    /// `void at::Context::setDeterministicCuDNN(bool)`.
    #[link_name = "_ZN2at7Context21setDeterministicCuDNNEb"]
    fn set_deterministic_cudnn(context: *mut c_void, on: bool);
    /// `void at::Context::setAllowTF32CuDNN(bool)`.
    #[link_name = "_ZN2at7Context17setAllowTF32CuDNNEb"]
    fn set_allow_tf32_cudnn(context: *mut c_void, on: bool);
    /// `void at::Context::setAllowTF32CuBLAS(bool)`.
    #[link_name = "_ZN2at7Context18setAllowTF32CuBLASEb"]
    fn set_allow_tf32_cublas(context: *mut c_void, on: bool);
}

/// Whether convolutions may round their factors to TF32. Products of matrices never do.
pub(crate) fn allow_tf32(on: bool) {
    // SAFETY: as in `deterministic`.
    unsafe { set_allow_tf32_cudnn(global_context(), on) }
}

/// Deterministic convolutions, chosen without timing them, and no TF32.
pub(super) fn deterministic() {
    Cuda::cudnn_set_benchmark(false);
    // SAFETY: in the Itanium ABI of Linux builds, a member function takes its object as the first argument. The
    // context lives as long as the process.
    unsafe {
        let context = global_context();
        set_deterministic_cudnn(context, true);
        set_allow_tf32_cublas(context, false);
    }
    allow_tf32(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        /// `bool at::Context::deterministicCuDNN() const`.
        #[link_name = "_ZNK2at7Context18deterministicCuDNNEv"]
        fn deterministic_cudnn(context: *mut c_void) -> bool;
        /// `bool at::Context::allowTF32CuBLAS() const`.
        #[link_name = "_ZNK2at7Context15allowTF32CuBLASEv"]
        fn allow_tf32_cublas(context: *mut c_void) -> bool;
    }

    #[test]
    fn libtorch_accepts_the_settings() {
        deterministic();
        // SAFETY: as in `deterministic`.
        unsafe {
            assert!(deterministic_cudnn(global_context()));
            assert!(!allow_tf32_cublas(global_context()));
            allow_tf32(true);
            assert!(!allow_tf32_cublas(global_context()), "only convolutions");
            allow_tf32(false);
        }
    }
}
