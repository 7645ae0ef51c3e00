//! Checks the programs: the engine's child process with HDF5, the worker with libtorch, the GPUs.

use std::{fs, path::Path};

use super::finding::Finding;
use crate::{
    cli::worker::programs,
    cpu,
    engine::exec::{Capacity, Probe, Processes, memory_of_this_machine},
    stages::Runner,
    ui::format::amount,
};

/// The oldest driver for CUDA 13, for which libtorch is built.
const DRIVER: u32 = 580;

pub(super) fn findings() -> Vec<Finding> {
    let processes = Processes::new(programs(), false);
    let worker = processes.probe(Runner::Worker);
    let gpu = gpu(worker.as_ref().ok(), Path::new("/proc/driver/nvidia"));
    let libtorch = match worker {
        Ok(probe) => {
            let place = probe.libtorch.map(|folder| format!(" in {}", folder.display())).unwrap_or_default();
            let version = probe.versions.get("libtorch").map_or("of an unknown version", String::as_str);
            Finding::ok("libtorch", format!("{version}{place}, loaded by the worker"))
        }
        Err(failure) => Finding::missing(
            "libtorch",
            failure.message,
            "`make build` in the checkout fetches libtorch 2.11 and builds the worker, `pip install` of the wheel installs both; plans, `synthesize`, `split` and cached results work without it",
        ),
    };
    vec![machine(), hdf5(&processes), libtorch, gpu]
}

fn machine() -> Finding {
    let cores = Capacity::of_this_machine().cores;
    let memory = memory_of_this_machine();
    let memory = memory.map(|bytes| format!(", {} of memory", amount(bytes, 0, "bytes"))).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let bf16 = if cpu::has_bf16() { "with" } else { "without" };
    Finding::ok("pcamflow", format!("{version}, on {cores} CPU threads {bf16} bfloat16{memory}"))
}

fn hdf5(processes: &Processes) -> Finding {
    match processes.probe(Runner::Engine) {
        Ok(probe) => {
            let version = probe.versions.get("hdf5").map_or("of an unknown version", String::as_str);
            Finding::ok("hdf5", format!("{version}, built in; stages that need no libtorch can start"))
        }
        Err(failure) => Finding::missing(
            "hdf5",
            failure.message,
            "pcamflow starts itself to compute: its file must stay where it is, and be executable",
        ),
    }
}

/// The GPUs that the driver lists below `nvidia`, and whether the worker can use them.
fn gpu(worker: Option<&Probe>, nvidia: &Path) -> Finding {
    let names = names(&nvidia.join("gpus"));
    let driver = fs::read_to_string(nvidia.join("version")).ok().and_then(|text| driver(&text));
    match (names.as_slice(), &driver) {
        ([], None) => Finding::note(
            "gpu",
            "none: no NVIDIA driver is loaded",
            "everything runs on the CPU; training the full network takes hours instead of minutes",
        ),
        ([], Some(driver)) => Finding::note(
            "gpu",
            format!("none, although the NVIDIA driver {driver} is loaded"),
            "in a container, start it with `--gpus all`; else see `nvidia-smi`",
        ),
        (names, driver) => usable(names, driver.as_deref(), worker),
    }
}

fn usable(names: &[String], driver: Option<&str>, worker: Option<&Probe>) -> Finding {
    let text = format!("{}, driver {}", names.join(", "), driver.unwrap_or("of an unknown version"));
    let major = driver.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < DRIVER) {
        let remedy =
            format!("CUDA 13 needs driver {DRIVER} or newer: update it; until then stages run on the CPU");
        return Finding::note("gpu", text, remedy);
    }
    let folder = worker.and_then(|worker| worker.libtorch.as_deref());
    match folder {
        Some(folder) if !folder.join("libtorch_cuda.so").exists() => Finding::note(
            "gpu",
            format!("{text}; libtorch is the one without CUDA"),
            "`CUDA=1 make setup` fetches the other; until then stages run on the CPU",
        ),
        Some(_) => Finding::ok("gpu", text),
        None => Finding::note("gpu", text, "used as soon as libtorch is there"),
    }
}

/// The models of the GPUs, read from their files `information`.
fn names(gpus: &Path) -> Vec<String> {
    let name = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join("information")).unwrap_or_default();
        let model = text.lines().find_map(|line| line.strip_prefix("Model:")).map(str::trim);
        model.unwrap_or("a GPU").to_owned()
    };
    let mut names: Vec<String> = fs::read_dir(gpus).into_iter().flatten().flatten().map(name).collect();
    names.sort();
    names
}

/// The version in `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Release Build ...`.
fn driver(text: &str) -> Option<String> {
    let is_version = |word: &&str| {
        word.contains('.') && word.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
    };
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use super::*;
    use crate::cli::doctor::State;

    const VERSION: &str = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\nGCC version: gcc 12.2.0\n";

    fn machine_with(version: &str, gpus: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("version"), version).unwrap();
        for (index, model) in gpus.iter().enumerate() {
            let gpu = folder.path().join(format!("gpus/0000:0{index}:00.0"));
            fs::create_dir_all(&gpu).unwrap();
            fs::write(gpu.join("information"), format!("Model: \t\t {model}\nIRQ:   \t\t 11\n")).unwrap();
        }
        folder
    }

    fn worker(folder: &Path) -> Probe {
        Probe { versions: BTreeMap::new(), libtorch: Some(folder.to_owned()) }
    }

    #[test]
    fn a_gpu_that_can_be_used_is_named_with_its_driver() {
        let machine = machine_with(VERSION, &["NVIDIA H200"]);
        fs::write(machine.path().join("libtorch_cuda.so"), "").unwrap();
        let found = gpu(Some(&worker(machine.path())), machine.path());
        assert_eq!(found, Finding::ok("gpu", "NVIDIA H200, driver 580.65.06"));
    }

    #[test]
    fn each_reason_why_a_gpu_is_not_used_has_its_remedy() {
        let machine = machine_with(VERSION, &["NVIDIA H200", "NVIDIA H200"]);
        let remedy = |found: Finding| {
            assert_eq!(found.state, State::Note, "the CPU does as well: {found:?}");
            found.remedy.unwrap()
        };
        assert!(remedy(gpu(Some(&worker(machine.path())), machine.path())).contains("CUDA=1 make setup"));
        assert!(remedy(gpu(None, machine.path())).contains("libtorch"));
        let old = machine_with(&VERSION.replace("580.65.06", "550.54"), &["NVIDIA T4"]);
        assert!(remedy(gpu(Some(&worker(old.path())), old.path())).contains("580 or newer"));
        let hidden = machine_with(VERSION, &[]);
        assert!(remedy(gpu(None, hidden.path())).contains("--gpus all"));
        assert!(remedy(gpu(None, &PathBuf::from("/nowhere"))).contains("on the CPU"));
    }
}
