//! What killed a process: the kernel, because memory ran out, or something else?
//!
//! The kernel counts whom it killed, before it does: in the cgroup that we and our processes live in (v2:
//! `memory.events`, v1: `memory.oom_control`), and for the whole machine (`/proc/vmstat`). A count that
//! rose while a process computed tells; one that did not, too. The machine's count is the word of last
//! resort: it also rises for others, and containers on the same machine.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::memory::{amount, of_this_machine};

/// How often the kernel killed because memory ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kills {
    /// In our cgroup.
    cgroup: Option<u64>,
    /// On this machine.
    machine: Option<u64>,
}

/// Who it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killer {
    Kernel,
    /// The kernel killed somebody on this machine at that time.
    ProbablyKernel,
    SomebodyElse,
    Unknown,
}

impl Kills {
    /// The counts now.
    pub(super) fn now() -> Self {
        let machine = fs::read_to_string("/proc/vmstat").ok().and_then(|text| count(&text, "oom_kill"));
        let cgroup = cgroup().and_then(|cgroup| {
            let file =
                cgroup.folder.join(if cgroup.unified { "memory.events" } else { "memory.oom_control" });
            count(&fs::read_to_string(file).ok()?, "oom_kill")
        });
        Self { cgroup, machine }
    }

    fn killer(self, now: Self) -> Killer {
        let rose = |before: Option<u64>, now: Option<u64>| Some(now? > before?);
        match (rose(self.cgroup, now.cgroup), rose(self.machine, now.machine)) {
            (Some(true), _) => Killer::Kernel,
            (_, Some(false)) | (Some(false), _) => Killer::SomebodyElse,
            (None, Some(true)) => Killer::ProbablyKernel,
            (None, None) => Killer::Unknown,
        }
    }

    /// What to say where a process of ours was killed because memory ran out since these counts were taken, but
    /// not the one that we talk with; `None` where none is known to have been.
    pub(super) fn told_of_others(self, peak: Option<u64>) -> Option<String> {
        let facts = facts(peak, limit());
        (self.killer(Self::now()) == Killer::Kernel).then(|| {
            format!(
                "meanwhile the kernel killed a process of this run because memory ran out{facts}: {REMEDY}"
            )
        })
    }

    /// What to say of a process that was killed (SIGKILL) since these counts were taken.
    pub(super) fn told(self, peak: Option<u64>) -> String {
        told(self.killer(Self::now()), peak, limit())
    }
}

/// What helps against want of memory.
const REMEDY: &str = "lower `memory` in its `run = { memory = \"...\" }` or its batch size, or run fewer \
                      stages at once (--jobs 1)";

fn facts(peak: Option<u64>, limit: Option<(u64, &str)>) -> String {
    let held = peak.map(|peak| format!("it held {} at its peak", amount(peak)));
    let most = limit.map(|(bytes, whose)| format!("{whose} {}", amount(bytes)));
    let facts: Vec<String> = held.into_iter().chain(most).collect();
    if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) }
}

fn told(killer: Killer, peak: Option<u64>, limit: Option<(u64, &str)>) -> String {
    let facts = facts(peak, limit);
    match killer {
        Killer::Kernel => {
            format!("the process was killed (SIGKILL) by the kernel because memory ran out{facts}: {REMEDY}")
        }
        Killer::ProbablyKernel => format!(
            "the process was killed (SIGKILL), probably by the kernel because memory ran out: it killed \
             another process on this machine just then{facts}: {REMEDY}"
        ),
        Killer::SomebodyElse => format!(
            "the process was killed (SIGKILL) by hand or by another program, not by the kernel because \
             memory ran out{facts}"
        ),
        Killer::Unknown => {
            format!(
                "the process was killed (SIGKILL): by hand, or by the kernel because memory ran out{facts}"
            )
        }
    }
}

/// The number behind a name, at the beginning of a line.
fn count(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The memory controller's folder for this process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cgroup {
    root: PathBuf,
    folder: PathBuf,
    /// Version 2.
    unified: bool,
}

fn cgroup() -> Option<&'static Cgroup> {
    static FOUND: OnceLock<Option<Cgroup>> = OnceLock::new();
    FOUND
        .get_or_init(|| find(&fs::read_to_string("/proc/self/cgroup").ok()?, Path::new("/sys/fs/cgroup")))
        .as_ref()
}

/// Where the lines of `/proc/self/cgroup` say that it is. In a container the path may be the host's: then
/// our own stands at the root.
fn find(lines: &str, mounted: &Path) -> Option<Cgroup> {
    let parts = lines.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        Some((parts.next()?, parts.next()?.trim_start_matches('/')))
    });
    let candidates = parts.filter_map(|(controllers, path)| match controllers {
        "" => Some((mounted.to_owned(), path, true)),
        _ if controllers.split(',').any(|name| name == "memory") => {
            Some((mounted.join("memory"), path, false))
        }
        _ => None,
    });
    let there = |root: PathBuf, path: &str, unified: bool| {
        let file = if unified { "memory.events" } else { "memory.oom_control" };
        let inside = root.join(path);
        let folder = [inside, root.clone()].into_iter().find(|folder| folder.join(file).is_file())?;
        Some(Cgroup { root, folder, unified })
    };
    candidates.into_iter().find_map(|(root, path, unified)| there(root, path, unified))
}

/// The memory that we may hold, and who says so.
fn limit() -> Option<(u64, &'static str)> {
    let machine = of_this_machine();
    let cgroup =
        cgroup().and_then(|cgroup| if cgroup.unified { unified_limit(cgroup) } else { v1_limit(cgroup) });
    match (cgroup, machine) {
        // Without a limit the kernel gives a huge number.
        (Some(cgroup), machine) if machine.is_none_or(|machine| cgroup < machine) => {
            Some((cgroup, "its cgroup (container) may hold"))
        }
        (_, machine) => Some((machine?, "this machine has")),
    }
}

/// The least limit of the cgroup and those above it.
fn unified_limit(cgroup: &Cgroup) -> Option<u64> {
    let above = cgroup.folder.ancestors().take_while(|folder| folder.starts_with(&cgroup.root));
    above.filter_map(|folder| fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse().ok()).min()
}

fn v1_limit(cgroup: &Cgroup) -> Option<u64> {
    count(&fs::read_to_string(cgroup.folder.join("memory.stat")).ok()?, "hierarchical_memory_limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_rose_tells_and_one_that_did_not_tells_too() {
        let kills = |cgroup, machine| Kills { cgroup, machine };
        let none = kills(Some(0), Some(5));
        for (now, killer) in [
            (kills(Some(1), Some(6)), Killer::Kernel),
            (kills(Some(0), Some(5)), Killer::SomebodyElse),
            // Of another container.
            (kills(Some(0), Some(6)), Killer::SomebodyElse),
            (kills(None, Some(6)), Killer::ProbablyKernel),
            (kills(None, Some(5)), Killer::SomebodyElse),
            (kills(None, None), Killer::Unknown),
        ] {
            assert_eq!(none.killer(now), killer, "{now:?}");
        }
    }

    #[test]
    fn what_is_known_is_said_with_what_to_do() {
        let limit = Some((4 << 30, "its cgroup (container) may hold"));
        assert_eq!(
            told(Killer::Kernel, Some(3 << 30), limit),
            "the process was killed (SIGKILL) by the kernel because memory ran out (it held 3.0 GiB at its peak, \
             its cgroup (container) may hold 4.0 GiB): lower `memory` in its `run = { memory = \"...\" }` or \
             its batch size, or run fewer stages at once (--jobs 1)"
        );
        let said = told(Killer::SomebodyElse, Some(5 << 20), None);
        assert!(
            said.ends_with("not by the kernel because memory ran out (it held 5 MiB at its peak)"),
            "{said}"
        );
        assert!(told(Killer::Unknown, None, None).ends_with("because memory ran out"));
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
        let one = find("9:name=systemd:/\n4:cpu,memory:/a/b\n0::/\n", mounted.path()).unwrap();
        assert_eq!((one.folder.clone(), one.unified), (mounted.path().join("memory/a/b"), false));
        assert_eq!(v1_limit(&one), Some(4096));

        file("x/memory.max", "9000\n");
        file("x/y/memory.events", "low 0\noom 2\noom_kill 1\n");
        file("x/y/memory.max", "max\n");
        let two = find("0::/x/y\n", mounted.path()).unwrap();
        assert!(two.unified && two.folder.ends_with("x/y"));
        assert_eq!(unified_limit(&two), Some(9000));
        assert_eq!(count("oom 2\noom_kill 1\n", "oom_kill"), Some(1));
        file("memory.events", "oom_kill 0\n");
        let inside = find("0::/the/path/of/the/host\n", mounted.path()).unwrap();
        assert_eq!(inside.folder, mounted.path());
        assert_eq!(find("7:cpu:/\n", mounted.path()), None);
    }
}
