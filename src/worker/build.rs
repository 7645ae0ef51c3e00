//! Link flags of the binaries, and the C++ part of the worker. The engine has no symbols and a fixed address, so that it
//! starts fast. The worker has the run path of libtorch.
//!
//! The run path that tch sets does not apply to our binary. It is set here, for `pcamflow-worker` alone: the
//! engine must not depend on libtorch. torch-sys passes the folder of libtorch as `DEP_TCH_LIBTORCH_LIB`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-changed=src/worker/build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // With the profile's `strip`, cargo would compile every dependency again, including libtorch's bindings.
    println!("cargo::rustc-link-arg-bin=pcamflow=-Wl,--strip-all");
    // At a random address, 36,000 pointers would be adjusted at each start, half a millisecond of it. Stack, heap and
    // libraries still have random addresses.
    println!("cargo::rustc-link-arg-bin=pcamflow=-no-pie");
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    let worker = "cargo::rustc-link-arg-bin=pcamflow-worker";
    println!("{worker}=-Wl,-rpath,{lib}");
    println!("{worker}=-Wl,-rpath-link,{lib}");
    for nvidia in nvidia_folders(Path::new(&lib)) {
        println!("{worker}=-Wl,-rpath-link,{nvidia}");
    }
    println!("{worker}={}", shim(Path::new(&lib)));
    println!("{worker}={}", openmp(Path::new(&lib)));
}

/// Compiles the C++ part with the headers and the ABI that torch-sys uses, and returns the path of its archive. It is
/// linked to the worker alone.
fn shim(lib: &Path) -> String {
    const SOURCE: &str = "src/worker/libtorch/shim.cpp";
    println!("cargo::rerun-if-changed={SOURCE}");
    for variable in ["LIBTORCH_INCLUDE", "LIBTORCH_CXX11_ABI"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let root = env::var("LIBTORCH_INCLUDE").map_or_else(|_| lib.join(".."), PathBuf::from);
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    cc::Build::new()
        .cpp(true)
        .warnings(false)
        .include(root.join("include"))
        .flags(["-std=c++17", "-fopenmp"])
        .flag(format!("-D_GLIBCXX_USE_CXX11_ABI={abi}"))
        .file(SOURCE)
        // The lines that cargo would read would link it to the engine, too.
        .cargo_metadata(false)
        .compile("pcamflow_shim");
    format!("{}/libpcamflow_shim.a", env::var("OUT_DIR").unwrap_or_default())
}

/// The OpenMP of libtorch, which runs its threads: its wheels have their own.
fn openmp(lib: &Path) -> String {
    let own = lib.join("libgomp.so.1");
    if own.is_file() { own.display().to_string() } else { "-lgomp".to_owned() }
}

/// NVIDIA's wheels are unpacked to `nvidia/*/lib` beside torch. libtorch finds them at run time through its own
/// run path, but the linker needs their folders.
fn nvidia_folders(lib: &Path) -> Vec<String> {
    let Ok(folders) = fs::read_dir(lib.join("../../nvidia")) else { return Vec::new() };
    let mut found: Vec<String> = folders
        .filter_map(|folder| Some(folder.ok()?.path().join("lib")))
        .filter(|folder| folder.is_dir())
        .map(|folder| folder.display().to_string())
        .collect();
    found.sort();
    found
}
