//! Link flags of the binaries: the engine without symbols, for it has to start at once; the worker with
//! the place where libtorch lies at run time.
//!
//! tch's own run-path does not reach our binary, so it is set here, for `pcamflow-worker` alone:
//! the engine must never name libtorch. Knows nothing of how libtorch was chosen: torch-sys says where it
//! found it (`LIBTORCH`, `LIBTORCH_USE_PYTORCH`), as `DEP_TCH_LIBTORCH_LIB`.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=src/worker/build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // Not the profile's `strip`: cargo would compile every dependency anew, libtorch's bindings first.
    println!("cargo::rustc-link-arg-bin=pcamflow=-Wl,--strip-all");
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    let worker = "cargo::rustc-link-arg-bin=pcamflow-worker";
    println!("{worker}=-Wl,-rpath,{lib}");
    println!("{worker}=-Wl,-rpath-link,{lib}");
    for nvidia in nvidia_folders(Path::new(&lib)) {
        println!("{worker}=-Wl,-rpath-link,{nvidia}");
    }
}

/// The wheels of NVIDIA's libraries unpack beside torch's, to `nvidia/*/lib`. libtorch finds them at run
/// time through its own run-path; the linker has to be told, when it looks into libtorch.
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
