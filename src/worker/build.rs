//! Link flags of the worker binary: where libtorch lies at run time.
//!
//! tch's own run-path does not reach our binary, so it is set here, for `pcamflow-worker` alone:
//! the engine must never name libtorch.

fn main() {
    println!("cargo:rerun-if-changed=src/worker/build.rs");
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    let worker = "cargo:rustc-link-arg-bin=pcamflow-worker";
    println!("{worker}=-Wl,-rpath,{lib}");
    // libtorch_cpu itself needs CUDA's small run-time libraries, which the wheels keep beside it.
    println!("{worker}=-Wl,-rpath-link,{lib}:{lib}/../../nvidia/cu13/lib");
}
