//! Starts a process that computes and asks for its versions, for `pcamflow doctor`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Processes,
    process::{Ready, Unheard},
    processes::Start,
};
use crate::{
    protocol::{Failure, FailureClass},
    stages::{Launcher, Runner},
};

/// How long a process may take to start: libtorch may be on a slow disk.
const START: Duration = Duration::from_secs(60);

/// What a process reports about itself, and which libtorch it has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Versions of what computes in it.
    pub versions: BTreeMap<String, String>,
    /// The folder of the loaded libtorch; `None` if it has loaded none.
    pub libtorch: Option<PathBuf>,
}

impl Processes {
    /// Starts a process for this runner and lets it end again.
    ///
    /// # Errors
    /// It is missing or does not start: the message of the system or of the dynamic linker.
    pub fn probe(&self, runner: Runner) -> Result<Probe, Failure> {
        self.probe_within(START, runner)
    }

    /// Starts the worker elsewhere and lets it end again. Returns the name of its machine, and versions.
    ///
    /// # Errors
    /// The launcher starts no worker.
    pub fn probe_launched(&self, launcher: Launcher) -> Result<(String, BTreeMap<String, String>), Failure> {
        let start = Start { runner: Runner::Worker, launcher: Some(launcher) };
        self.greeted(&start, START, |ready, _| (ready.host, ready.versions))
    }

    fn probe_within(&self, time: Duration, runner: Runner) -> Result<Probe, Failure> {
        self.greeted(&Start::here(runner), time, |ready, id| {
            let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).unwrap_or_default();
            Probe { versions: ready.versions, libtorch: libtorch(&maps) }
        })
    }

    /// What a process that is ready in time says of itself, and its id.
    fn greeted<T>(
        &self,
        start: &Start,
        time: Duration,
        take: impl FnOnce(Ready, u32) -> T,
    ) -> Result<T, Failure> {
        let greeted = self.with_process(start, "probe", Some(time), |process, watching| {
            process.greet(&Unheard, watching).map(|ready| take(ready, process.id()))
        });
        greeted.map_err(|failure| match failure.class {
            FailureClass::Timeout => {
                let time = humantime::format_duration(time);
                Failure { message: format!("it started, but was not ready after {time}"), ..failure }
            }
            _ => failure,
        })
    }
}

/// The folder of libtorch, found among the files that a process has mapped.
fn libtorch(maps: &str) -> Option<PathBuf> {
    let file = maps
        .lines()
        .find_map(|line| Some(&line[line.find('/')?..]).filter(|file| file.contains("/libtorch_cpu.so")))?;
    Path::new(file).parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_hangs_at_its_start_is_ended_and_its_failure_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let worker = folder.path().join("worker");
        let id = folder.path().join("id");
        let script = format!("#!/bin/sh\necho $$ > {}\nexec sleep 1000\n", id.display());
        std::fs::write(&worker, script).unwrap();
        std::fs::set_permissions(&worker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let programs = super::super::Programs { engine: worker.clone(), serve: "", worker: Some(worker) };
        let failure = Processes::new(programs, false)
            .probe_within(Duration::from_millis(300), Runner::Worker)
            .unwrap_err();
        assert_eq!(failure.message, "it started, but was not ready after 300ms");
        let id = std::fs::read_to_string(&id).unwrap_or_default();
        assert!(!Path::new("/proc").join(id.trim()).join("exe").exists() || id.is_empty());
    }

    #[test]
    fn the_loaded_libtorch_is_found_in_paths_with_spaces() {
        let maps = "7f00-7f01 r--p 00000000 08:01 12 /usr/lib/libc.so.6\n\
                    7f02-7f03 r-xp 00000000 08:01 13                 /opt/my torch/lib/libtorch_cpu.so\n";
        assert_eq!(libtorch(maps), Some(PathBuf::from("/opt/my torch/lib")));
        assert_eq!(libtorch("7f00-7f01 r--p 00000000 00:00 0 [heap]\n"), None);
    }
}
