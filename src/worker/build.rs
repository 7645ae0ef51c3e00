//! Link flags of the binaries. The engine has no symbols, so that it starts fast. The worker has the run path of
//! libtorch.
//!
//! The run path that tch sets does not apply to our binary. It is set here, for `pcamflow-worker` alone: the
//! engine must not depend on libtorch. torch-sys passes the folder of libtorch as `DEP_TCH_LIBTORCH_LIB`.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=src/worker/build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // With the profile's `strip`, cargo would compile every dependency again, including libtorch's bindings.
    println!("cargo::rustc-link-arg-bin=pcamflow=-Wl,--strip-all");
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    let worker = "cargo::rustc-link-arg-bin=pcamflow-worker";
    println!("{worker}=-Wl,-rpath,{lib}");
    println!("{worker}=-Wl,-rpath-link,{lib}");
    for nvidia in nvidia_folders(Path::new(&lib)) {
        println!("{worker}=-Wl,-rpath-link,{nvidia}");
    }
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
