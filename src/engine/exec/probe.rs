//! Starts a process that computes and asks for its versions, for `pcamflow doctor`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Processes, process::Unheard};
use crate::{
    protocol::{Failure, FailureClass},
    stages::Runner,
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

    fn probe_within(&self, time: Duration, runner: Runner) -> Result<Probe, Failure> {
        let probed = self.with_process(runner, "probe", Some(time), |process, watching| {
            let versions = process.greet(&Unheard, watching)?;
            let maps = std::fs::read_to_string(format!("/proc/{}/maps", process.id())).unwrap_or_default();
            Ok(Probe { versions, libtorch: libtorch(&maps) })
        });
        probed.map_err(|failure| match failure.class {
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
