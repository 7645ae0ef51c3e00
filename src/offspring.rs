//! The processes below a process: finds them, measures them, ends them.
//!
//! A program may start others and leave them behind when it ends. So that none of them survives a stage,
//! the process that computes stages adopts what its programs leave behind ([`adopt`]). Everything that they
//! started then stays below it, in any group or session. Reads `/proc`; knows no stage.

pub mod lines;

use std::{
    fs, io,
    os::unix::process::CommandExt,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, kill_process_group, set_child_subreaper,
    set_parent_process_death_signal, wait,
};

/// How long killed processes may take to disappear.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the orphans of this process's descendants its own children.
pub fn adopt() {
    // Kernels before 3.4 cannot do this: there, orphans go to `init`.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Makes the kernel kill a program when the thread that starts it ends. `before` also runs between fork and
/// exec, so it may only make system calls.
pub fn dies_with_this_thread(command: &mut Command, before: impl Fn() + Send + Sync + 'static) {
    let parent = getpid();
    let prepare = move || {
        before();
        // Last, because a change of credentials clears it.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        match getppid() == Some(parent) {
            true => Ok(()),
            // The parent died before the signal was set.
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    };
    // SAFETY: between fork and exec only system calls are made; nothing is allocated and no lock is taken.
    unsafe { command.pre_exec(prepare) };
}

/// Lets this process outlive the thread that started it.
pub fn outlive_the_starter() {
    // The kernel refuses only signals that do not exist.
    let _ = set_parent_process_death_signal(None);
}

/// Asks the kernel to kill this process, or a program that it started, before the engine when memory runs out:
/// the engine can then report it and continue. The score is a tenth of the memory of the machine (or container),
/// so a small process is not killed for what others hold.
pub fn volunteer() {
    const TENTH: i32 = 100;
    let path = "/proc/self/oom_score_adj";
    let score = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if let Some(score) = score {
        // If this is not allowed, the kernel chooses by size alone.
        let _ = fs::write(path, (score + TENTH).min(1000).to_string());
    }
}

/// Ends everything below this process, after `grace` for what is about to end by itself. It collects the exit
/// codes of all children, so the process must not wait for a child elsewhere.
pub fn leave_none(grace: Duration) {
    let begun = Instant::now();
    while reap() {
        if begun.elapsed() >= grace {
            end_below(std::process::id());
        }
        sleep(Duration::from_millis(2));
        if begun.elapsed() >= grace + PATIENCE {
            return; // Stuck in the kernel, where no signal reaches it.
        }
    }
}

/// Collects the exit codes of children that have ended; true if others still run.
fn reap() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Kills a process that leads a group, together with its group and everything below it.
pub fn end(process: u32) {
    end_below(process);
    if let Some(pid) = pid(process) {
        // An error means that it has ended already.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Kills every process below another one until none is left.
pub fn end_below(process: u32) {
    let begun = Instant::now();
    loop {
        let alive: Vec<Process> = below(process).into_iter().filter(|found| found.alive).collect();
        if alive.is_empty() || begun.elapsed() >= PATIENCE {
            return;
        }
        alive.iter().for_each(|found| kill(found.id));
        sleep(Duration::from_millis(1));
    }
}

/// Kills every process whose environment has a variable with this value. It finds what a process left behind
/// that was killed itself before it could adopt anything.
pub fn end_marked(name: &str, value: &[u8]) {
    let mark = [name.as_bytes(), b"=", value].concat();
    let marked = |process: &u32| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    };
    // Twice, because one of them may have started another meanwhile.
    for _ in 0..2 {
        ids().filter(marked).for_each(kill);
    }
}

/// Kills one process.
pub fn kill(process: u32) {
    if let Some(pid) = pid(process) {
        // An error means that it has ended already.
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn pid(process: u32) -> Option<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw)
}

fn ids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A process as `/proc/ID/status` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    id: u32,
    parent: u32,
    alive: bool,
    /// Bytes in memory.
    resident: u64,
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let status = fs::read(format!("/proc/{id}/status")).ok()?;
        Self::parse(id, &String::from_utf8_lossy(&status))
    }

    fn parse(id: u32, status: &str) -> Option<Self> {
        let parent = field(status, "PPid:")?.parse().ok()?;
        let alive = !field(status, "State:")?.starts_with(['Z', 'X']);
        // What has ended holds no memory.
        let resident = bytes(status, "VmRSS:").unwrap_or(0);
        Some(Self { id, parent, alive, resident })
    }
}

/// The text after a name at the beginning of a line, in the files of `/proc` and of cgroups.
#[must_use]
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// A field such as `VmRSS:      2192 kB`, in bytes.
#[must_use]
pub fn bytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The bytes that a process holds in memory, together with everything below it.
#[must_use]
pub fn resident(process: u32) -> u64 {
    below(process).into_iter().chain(Process::read(process)).map(|found| found.resident).sum()
}

/// Everything below a process.
fn below(process: u32) -> Vec<Process> {
    let mut others: Vec<Process> = ids().filter_map(Process::read).collect();
    let (mut found, mut parents) = (Vec::new(), vec![process]);
    while let Some(parent) = parents.pop() {
        let children: Vec<Process> = others.extract_if(.., |other| other.parent == parent).collect();
        parents.extend(children.iter().map(|child| child.id));
        found.extend(children);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_status_is_read_as_the_kernel_writes_it() {
        let status = "Name:\ta) Z (b\nState:\tS (sleeping)\nPid:\t17\nPPid:\t7\nVmRSS:\t    321 kB\n";
        let expected = Process { id: 17, parent: 7, alive: true, resident: 321 * 1024 };
        assert_eq!(Process::parse(17, status), Some(expected));
        let ended = "Name:\tx\nState:\tZ (zombie)\nPPid:\t7\n";
        let expected = Process { alive: false, resident: 0, ..expected };
        assert_eq!(Process::parse(17, ended), Some(expected));
        assert_eq!(Process::parse(17, "Name:\tx\n"), None);
        assert_eq!(
            bytes("MemTotal:       24689604 kB\nMemFree: 1 kB\n", "MemTotal:"),
            Some(24_689_604 * 1024)
        );
    }

    #[test]
    fn children_of_children_are_found_measured_and_ended() {
        let script = "sleep 1000 & (setsid sleep 1000 & wait) & wait";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while below(shell.id()).len() < 3 && begun.elapsed() < PATIENCE {
            sleep(Duration::from_millis(5));
        }
        assert!(below(shell.id()).len() >= 3);
        assert!(resident(shell.id()) > Process::read(shell.id()).unwrap().resident);
        end_below(shell.id());
        assert!(below(shell.id()).iter().all(|found| !found.alive));
        shell.kill().unwrap();
        shell.wait().unwrap();
    }

    #[test]
    fn only_processes_with_the_mark_are_ended() {
        // Other test runs on this machine have other marks.
        let mark = format!("/a b {}", std::process::id());
        let sleeper = |value: &str| {
            let child = Command::new("sleep").arg("1000").env("PCAMFLOW_TEST_MARK", value).spawn().unwrap();
            // `spawn` returns shortly before the kernel shows the environment.
            while fs::read(format!("/proc/{}/environ", child.id())).unwrap().is_empty() {
                sleep(Duration::from_millis(1));
            }
            child
        };
        let (mut marked, mut other) = (sleeper(&mark), sleeper(&format!("{mark}/c")));
        end_marked("PCAMFLOW_TEST_MARK", mark.as_bytes());
        assert!(!marked.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
