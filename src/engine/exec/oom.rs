//! Finds out what killed a process: the kernel, because memory ran out, or something else.
//!
//! The kernel counts the processes that it kills, in the cgroup that this process belongs to (v2:
//! `memory.events`, v1: `memory.oom_control`) and for the whole machine (`/proc/vmstat`). The counts before
//! and after a task are compared. The cgroup's count decides: the machine's also rises for other containers.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::memory::{amount, of_this_machine};
use crate::offspring::field;

/// How often the kernel has killed because memory ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kills {
    /// In our cgroup.
    cgroup: Option<u64>,
    /// On this machine.
    machine: Option<u64>,
}

/// What killed a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killer {
    Kernel,
    /// The kernel killed some process on this machine at that time.
    ProbablyKernel,
    Other,
    Unknown,
}

impl Kills {
    /// The counts now.
    pub(super) fn now() -> Self {
        let count =
            |file: &Path| field(&fs::read_to_string(file).ok()?, "oom_kill ").and_then(|it| it.parse().ok());
        let cgroup = Cgroup::of_this_process().and_then(|cgroup| count(&cgroup.counts()));
        Self { cgroup, machine: count(Path::new("/proc/vmstat")) }
    }

    fn killer(self, now: Self) -> Killer {
        let rose = |before: Option<u64>, now: Option<u64>| Some(now? > before?);
        match (rose(self.cgroup, now.cgroup), rose(self.machine, now.machine)) {
            (Some(true), _) => Killer::Kernel,
            (_, Some(false)) | (Some(false), _) => Killer::Other,
            (None, Some(true)) => Killer::ProbablyKernel,
            (None, None) => Killer::Unknown,
        }
    }

    /// The message about a process that was killed (SIGKILL) after these counts were taken.
    pub(super) fn killed(self, peak: Option<u64>) -> String {
        killed(self.killer(Self::now()), &facts(peak, limit()))
    }
}

/// What to do when memory runs out.
const ADVICE: &str = "lower `memory` in its `run = { memory = \"...\" }` or its batch size, or run fewer \
                      stages at once (--jobs 1)";

/// The same in a job of a cluster, which gets the memory that it asks for.
const ADVICE_TO_JOBS: &str = "raise `memory` in its `slurm = { memory = \"...\" }`, or lower its batch size";

fn facts(peak: Option<u64>, limit: Option<(u64, &str)>) -> String {
    let held = peak.map(|peak| format!("it held {} at its peak", amount(peak)));
    let most = limit.map(|(bytes, of)| format!("{of} {}", amount(bytes)));
    let facts: Vec<String> = held.into_iter().chain(most).collect();
    if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) }
}

fn killed(killer: Killer, facts: &str) -> String {
    let by = match killer {
        Killer::Kernel => " by the kernel because memory ran out",
        Killer::ProbablyKernel => {
            ", probably by the kernel because memory ran out: it killed another process on this machine \
             at that time"
        }
        Killer::Other => " by hand or by another program, not by the kernel because memory ran out",
        Killer::Unknown => ": by hand, or by the kernel because memory ran out",
    };
    let advice = match killer {
        Killer::Kernel | Killer::ProbablyKernel if std::env::var_os("SLURM_JOB_ID").is_some() => {
            format!(": {ADVICE_TO_JOBS}")
        }
        Killer::Kernel | Killer::ProbablyKernel => format!(": {ADVICE}"),
        Killer::Other | Killer::Unknown => String::new(),
    };
    format!("the process was killed (SIGKILL){by}{facts}{advice}")
}

/// The memory controller's folder for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cgroup {
    folder: PathBuf,
    /// Version 2.
    unified: bool,
}

impl Cgroup {
    fn of_this_process() -> Option<Self> {
        Self::find(&fs::read_to_string("/proc/self/cgroup").ok()?, Path::new("/sys/fs/cgroup"))
    }

    /// From the lines of `/proc/self/cgroup`. In a container their path may be the host's: then the container's
    /// own cgroup is at the root.
    fn find(lines: &str, mounted: &Path) -> Option<Self> {
        lines.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let root = match controllers {
                "" => mounted.to_owned(),
                _ if controllers.split(',').any(|name| name == "memory") => mounted.join("memory"),
                _ => return None,
            };
            let unified = controllers.is_empty();
            let folders = [root.join(path.trim_start_matches('/')), root];
            folders
                .map(|folder| Self { folder, unified })
                .into_iter()
                .find(|cgroup| cgroup.counts().is_file())
        })
    }

    fn counts(&self) -> PathBuf {
        self.folder.join(if self.unified { "memory.events" } else { "memory.oom_control" })
    }

    /// The lowest limit of the cgroup and those above it.
    fn limit(&self) -> Option<u64> {
        let read = |folder: &Path, file| fs::read_to_string(folder.join(file)).ok();
        if self.unified {
            let limits = self.folder.ancestors().filter_map(|folder| read(folder, "memory.max"));
            return limits.filter_map(|text| text.trim().parse().ok()).min();
        }
        field(&read(&self.folder, "memory.stat")?, "hierarchical_memory_limit ")?.parse().ok()
    }
}

/// How much memory there is, after the words that say of what it is the limit.
fn limit() -> Option<(u64, &'static str)> {
    let machine = of_this_machine().map(|bytes| (bytes, "this machine has"));
    let cgroup = Cgroup::of_this_process().and_then(|cgroup| cgroup.limit());
    // Without a limit the kernel gives a huge number.
    cgroup.map(|bytes| (bytes, "its cgroup (container) may hold")).into_iter().chain(machine).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_tell_what_killed_a_process() {
        let kills = |cgroup, machine| Kills { cgroup, machine };
        let before = kills(Some(0), Some(5));
        for (now, killer) in [
            (kills(Some(1), Some(6)), Killer::Kernel),
            (kills(Some(0), Some(5)), Killer::Other),
            // In another container.
            (kills(Some(0), Some(6)), Killer::Other),
            (kills(None, Some(6)), Killer::ProbablyKernel),
            (kills(None, Some(5)), Killer::Other),
            (kills(None, None), Killer::Unknown),
        ] {
            assert_eq!(before.killer(now), killer, "{now:?}");
        }
    }

    #[test]
    fn the_message_has_the_facts_and_what_to_do() {
        let limit = Some((4 << 30, "its cgroup (container) may hold"));
        assert_eq!(
            killed(Killer::Kernel, &facts(Some(3 << 30), limit)),
            "the process was killed (SIGKILL) by the kernel because memory ran out (it held 3.0 GiB at its peak, \
             its cgroup (container) may hold 4.0 GiB): lower `memory` in its `run = { memory = \"...\" }` or \
             its batch size, or run fewer stages at once (--jobs 1)"
        );
        let said = killed(Killer::Other, &facts(Some(5 << 20), None));
        assert!(
            said.ends_with("not by the kernel because memory ran out (it held 5 MiB at its peak)"),
            "{said}"
        );
        assert!(killed(Killer::Unknown, &facts(None, None)).ends_with("because memory ran out"));
    }

    #[test]
    fn the_cgroup_is_found_in_both_versions_and_in_containers() {
        let mounted = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = mounted.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file("memory/a/b/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        file("memory/a/b/memory.stat", "cache 0\nhierarchical_memory_limit 4096\n");
        let one = Cgroup::find("9:name=systemd:/\n4:cpu,memory:/a/b\n0::/\n", mounted.path()).unwrap();
        assert_eq!((one.folder.clone(), one.unified), (mounted.path().join("memory/a/b"), false));
        assert_eq!(one.limit(), Some(4096));

        file("x/memory.max", "9000\n");
        file("x/y/memory.events", "low 0\noom 2\noom_kill 1\n");
        file("x/y/memory.max", "max\n");
        let two = Cgroup::find("0::/x/y\n", mounted.path()).unwrap();
        assert!(two.unified && two.folder.ends_with("x/y"));
        assert_eq!(two.limit(), Some(9000));
        file("memory.events", "oom_kill 0\n");
        let inside = Cgroup::find("0::/the/path/of/the/host\n", mounted.path()).unwrap();
        assert_eq!(inside.folder, mounted.path());
        assert_eq!(Cgroup::find("7:cpu:/\n", mounted.path()), None);
    }
}
