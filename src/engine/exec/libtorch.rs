//! Finds the libtorch of an installed torch, for a worker that was installed beside it, as a Python wheel does.
//!
//! A worker that was built in a checkout knows the place of its libtorch. Starts nothing.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// The versions of torch that the worker can use begin with this: others have other functions.
const VERSION: &str = "2.11.";
/// What the linker loads first.
const LIBRARY: &str = "libtorch_cpu.so";
const VARIABLE: &str = "LD_LIBRARY_PATH";

/// A torch package.
#[derive(Debug, PartialEq, Eq)]
struct Torch {
    /// Its folder `lib`.
    lib: PathBuf,
    /// `2.11.0+cpu`; empty if it does not say.
    version: String,
}

/// The value of `LD_LIBRARY_PATH` with which a worker finds the torch of the environment that it is installed in.
/// `None` if there is no fitting torch, or if the user's own value already leads to one.
pub(super) fn path_for(worker: &Path) -> Option<(&'static str, OsString)> {
    with(worker, &std::env::var_os(VARIABLE).unwrap_or_default()).map(|value| (VARIABLE, value))
}

fn with(worker: &Path, given: &OsString) -> Option<OsString> {
    let given: Vec<PathBuf> =
        std::env::split_paths(given).filter(|folder| !folder.as_os_str().is_empty()).collect();
    if given.iter().any(|folder| folder.join(LIBRARY).is_file()) {
        return None;
    }
    let torch = installed(worker).into_iter().find(Torch::fits)?;
    std::env::join_paths([torch.lib].into_iter().chain(given)).ok()
}

/// Why a worker found no libtorch, and what to do; `None` if it failed for another reason.
pub(super) fn missing(worker: &Path, said: &str) -> Option<String> {
    if !["libtorch", "libc10", "undefined symbol"].iter().any(|word| said.contains(word)) {
        return None;
    }
    let said = said.trim();
    let found = match installed(worker).as_slice() {
        [] => format!("no torch is installed beside it ({said})"),
        [torch, ..] if torch.fits() => format!("that of {} cannot be loaded ({said})", torch.lib.display()),
        [torch, ..] => format!("{} is of torch {} ({said})", torch.lib.display(), torch.version),
    };
    Some(format!(
        "pcamflow-worker needs the libtorch of torch 2.11, and {found}: in a Python environment, \
         `pip install 'torch==2.11.*'` installs it; in a checkout, `make build` does"
    ))
}

/// Checks which libtorch a process has loaded, if it has loaded any.
///
/// # Errors
/// Another version than the one that it was built for, which may compute something else.
pub(super) fn check(versions: &BTreeMap<String, String>) -> Result<(), String> {
    match versions.get("libtorch") {
        Some(version) if !version.starts_with(VERSION) => Err(format!(
            "pcamflow-worker has loaded libtorch {version}, and it was built for 2.11: check {VARIABLE}, and \
             `pip install 'torch==2.11.*'`"
        )),
        _ => Ok(()),
    }
}

impl Torch {
    fn fits(&self) -> bool {
        self.version.starts_with(VERSION)
    }
}

/// The torch packages of the Python environment with this worker: `bin/pcamflow-worker` belongs to
/// `lib/python3.11/site-packages`.
fn installed(worker: &Path) -> Vec<Torch> {
    let Ok(worker) = worker.canonicalize() else { return Vec::new() };
    let Some(prefix) = worker.parent().and_then(Path::parent) else { return Vec::new() };
    let pythons = ["lib", "lib64"].into_iter().flat_map(|lib| folders(&prefix.join(lib)));
    let packages =
        pythons.flat_map(|python| ["site-packages", "dist-packages"].map(|name| python.join(name)));
    packages.filter_map(|packages| torch(&packages.join("torch"))).collect()
}

/// The folders `python3*` in a folder, in order.
fn folders(lib: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(lib).into_iter().flatten().filter_map(Result::ok);
    let is_python = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("python3"))
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_python).collect();
    found.sort();
    found
}

fn torch(package: &Path) -> Option<Torch> {
    let lib = package.join("lib");
    let text = fs::read_to_string(package.join("version.py")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "));
    let version = line.map(|value| value.trim_matches(['\'', '"'])).unwrap_or_default().to_owned();
    lib.join(LIBRARY).is_file().then_some(Torch { lib, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An environment with a worker and, for each Python, a torch of this version.
    fn environment(torches: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let worker = folder.path().join("bin/pcamflow-worker");
        fs::create_dir_all(worker.parent().unwrap()).unwrap();
        fs::write(&worker, "").unwrap();
        for (packages, version) in torches {
            let torch = folder.path().join(packages).join("torch");
            fs::create_dir_all(torch.join("lib")).unwrap();
            fs::write(torch.join("lib").join(LIBRARY), "").unwrap();
            let text = format!("from typing import Optional\n__version__ = '{version}'\ncuda = None\n");
            fs::write(torch.join("version.py"), text).unwrap();
        }
        (folder, worker)
    }

    #[test]
    fn the_fitting_torch_of_the_environment_is_found() {
        let (folder, worker) = environment(&[
            ("lib/python3.10/site-packages", "2.10.0+cpu"),
            ("lib/python3.11/site-packages", "2.11.0+cu130"),
        ]);
        let lib = folder.path().canonicalize().unwrap().join("lib/python3.11/site-packages/torch/lib");
        assert_eq!(with(&worker, &OsString::new()), Some(lib.clone().into_os_string()));
        let after = format!("{}:/other", lib.display());
        assert_eq!(with(&worker, &"/other".into()), Some(after.into()));
        // The program may be reached over a link, as tools that install programs make them.
        let link = folder.path().join("linked");
        std::os::unix::fs::symlink(&worker, &link).unwrap();
        assert_eq!(with(&link, &OsString::new()), Some(lib.clone().into_os_string()));
        assert_eq!(with(&worker, &lib.into_os_string()), None, "the user's own");
    }

    #[test]
    fn a_missing_or_unfitting_torch_is_one_clear_error() {
        let lost = "error while loading shared libraries: libtorch_cpu.so: cannot open shared object file";
        let (_folder, worker) = environment(&[]);
        assert_eq!(with(&worker, &OsString::new()), None);
        assert!(missing(&worker, lost).unwrap().contains("no torch is installed beside it (error while"));
        let (_folder, worker) = environment(&[("lib64/python3.12/dist-packages", "2.9.1")]);
        assert_eq!(with(&worker, &OsString::new()), None);
        let said = missing(&worker, lost).unwrap();
        assert!(said.contains("is of torch 2.9.1 (error while"), "{said}");
        assert_eq!(missing(&worker, "Segmentation fault"), None);
        let loaded = |version: &str| check(&BTreeMap::from([("libtorch".to_owned(), version.to_owned())]));
        assert!(loaded("2.11.1").is_ok() && loaded("2.10.0").unwrap_err().contains("libtorch 2.10.0"));
    }
}
