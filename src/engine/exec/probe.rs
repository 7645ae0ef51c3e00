//! Starts a process that computes, and asks only who it is: for `pcamflow doctor`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::Processes;
use crate::{protocol::Failure, stages::Runner};

/// What a process says of itself, and which libtorch it has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Versions of what computes in it.
    pub versions: BTreeMap<String, String>,
    /// The folder of the loaded libtorch; `None` where there is none.
    pub libtorch: Option<PathBuf>,
}

impl Processes {
    /// Starts a process of this sort, and lets it go again.
    ///
    /// # Errors
    /// It is not there, or does not start: what the system, or the dynamic linker, says.
    pub fn probe(&self, runner: Runner) -> Result<Probe, Failure> {
        let process = self.take(runner)?;
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", process.id())).unwrap_or_default();
        Ok(Probe { versions: process.versions().clone(), libtorch: libtorch(&maps) })
    }
}

/// The folder of libtorch among the files that a process has mapped.
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
    fn the_loaded_libtorch_is_found_in_paths_with_spaces() {
        let maps = "7f00-7f01 r--p 00000000 08:01 12 /usr/lib/libc.so.6\n\
                    7f02-7f03 r-xp 00000000 08:01 13                 /opt/my torch/lib/libtorch_cpu.so\n";
        assert_eq!(libtorch(maps), Some(PathBuf::from("/opt/my torch/lib")));
        assert_eq!(libtorch("7f00-7f01 r--p 00000000 00:00 0 [heap]\n"), None);
    }
}
