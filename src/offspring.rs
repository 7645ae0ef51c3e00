//! The processes below a process: found, heard, and ended with everything that they started.
//!
//! A program may start others, and leave them behind when it ends. So that none of them survives a stage,
//! the process that computes stages adopts what its programs leave ([`adopt`]): everything that they
//! started stays below it, in any group or session, and is found there. Knows the system's table of
//! processes, no stage.

pub mod lines;

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::process::CommandExt,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, wait,
};

/// How long the last of many processes may take to go: they have been killed by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes what the children of this process leave behind its own children.
pub fn adopt() {
    // A kernel without it (before 3.4) leaves orphans to `init`: they are ended by their groups alone.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Makes the kernel kill a program when the thread that starts it ends. With `before` runs something else
/// between fork and exec; it may only make system calls.
pub fn dies_with_this_thread(command: &mut Command, before: impl Fn() + Send + Sync + 'static) {
    let parent = getpid();
    let prepare = move || {
        before();
        // Last: a change of credentials clears it.
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

/// The process no longer dies with the thread that started it.
pub fn outlive_the_starter() {
    // The kernel refuses only signals that do not exist.
    let _ = set_parent_process_death_signal(None);
}

/// Where memory runs out, the kernel shall end this process, or a program that it started, rather than the
/// engine: that one tells what happened, and goes on. A tenth of the machine's memory (or the container's),
/// so that a small process is still no victim for what others hold.
pub fn volunteer() {
    const TENTH: i32 = 100;
    let path = "/proc/self/oom_score_adj";
    let score = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if let Some(score) = score {
        // Where it is not let, the kernel chooses by size alone.
        let _ = fs::write(path, (score + TENTH).min(1000).to_string());
    }
}

/// Ends everything below this process, after `grace` for what is about to end by itself. Only for a
/// process that waits for no child elsewhere: it takes the exit codes of all of them.
pub fn leave_none(grace: Duration) {
    let begun = Instant::now();
    while reap() {
        if begun.elapsed() >= grace {
            end_below(std::process::id());
        }
        sleep(Duration::from_millis(2));
        if begun.elapsed() >= grace + PATIENCE {
            return; // Stuck in the kernel, where no signal reaches.
        }
    }
}

/// Takes the exit codes of children that have ended; true if there are others.
fn reap() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Kills every process below another, until there is none.
pub fn end_below(process: u32) {
    let begun = Instant::now();
    loop {
        let below = alive_below(process);
        if below.is_empty() || begun.elapsed() >= PATIENCE {
            return;
        }
        below.into_iter().for_each(kill);
        sleep(Duration::from_millis(1));
    }
}

/// Kills every process that has a variable of that value in its environment: what a process left behind
/// that could not take it in, because it was killed itself.
pub fn end_marked(name: &str, value: &[u8]) {
    let mark = [name.as_bytes(), b"=", value].concat();
    let marked = |process: &u32| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    };
    // Twice: one may have started another meanwhile.
    for _ in 0..2 {
        processes().filter(marked).for_each(kill);
    }
}

/// Kills a process at once.
pub fn kill(process: u32) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // An error says that it is gone already.
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What the kernel says of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its id.
    pub id: u32,
    /// The process that it is a child of.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Resident pages.
    pub pages: u64,
    /// Whether it has not ended yet.
    pub alive: bool,
}

/// Every process of this machine that can be seen from here.
#[must_use]
pub fn table() -> Vec<Stat> {
    processes().filter_map(|id| parse(&fs::read(format!("/proc/{id}/stat")).ok()?)).collect()
}

/// `17 (a name) S 1 17 ...`: the name may hold anything.
fn parse(stat: &[u8]) -> Option<Stat> {
    let name = stat.iter().position(|byte| *byte == b'(')?..=stat.iter().rposition(|byte| *byte == b')')?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let id = text(&stat[..*name.start()])?.trim().parse().ok()?;
    let fields: Vec<&str> = text(&stat[name.end() + 1..])?.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse().ok();
    let alive = !matches!(*fields.first()?, "Z" | "X");
    Some(Stat { id, parent: number(1)?, group: number(2)?, pages: fields.get(21)?.parse().ok()?, alive })
}

/// Everything below a process that has not ended yet.
fn alive_below(process: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<(u32, bool)>> = BTreeMap::new();
    for Stat { id, parent, alive, .. } in table() {
        children.entry(parent).or_default().push((id, alive));
    }
    let (mut found, mut next) = (Vec::new(), vec![process]);
    while let Some(parent) = next.pop() {
        for (child, alive) in children.remove(&parent).unwrap_or_default() {
            next.push(child);
            found.extend(alive.then_some(child));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn names_with_brackets_and_spaces_are_no_fields() {
        let rest = "7 9 9 0 -1 4194560 90 0 0 0 0 0 0 0 20 0 1 0 100 10000 321 18446744073709551615";
        let stat = |name: &[u8]| parse(&[b"17 (", name, b") S ", rest.as_bytes()].concat()).unwrap();
        let expected = Stat { id: 17, parent: 7, group: 9, pages: 321, alive: true };
        assert_eq!((stat(b"a) b (c"), stat(b"\xff S x")), (expected, expected));
        assert!(!parse(format!("17 (a) Z {rest}").as_bytes()).unwrap().alive);
        assert_eq!((parse(b"17 (cut"), parse(b""), parse(b"1 ) (")), (None, None, None));
    }

    #[test]
    fn children_of_children_are_found_and_ended() {
        let script = "sleep 1000 & (setsid sleep 1000 & wait) & wait";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while alive_below(shell.id()).len() < 3 && begun.elapsed() < PATIENCE {
            sleep(Duration::from_millis(5));
        }
        assert!(alive_below(shell.id()).len() >= 3);
        end_below(shell.id());
        assert!(alive_below(shell.id()).is_empty());
        shell.kill().unwrap();
        shell.wait().unwrap();
    }

    #[test]
    fn what_bears_a_mark_is_ended_and_nothing_else() {
        let sleeper =
            |value| Command::new("sleep").arg("1000").env("PCAMFLOW_TEST_MARK", value).spawn().unwrap();
        let (mut marked, mut other) = (sleeper("/a b"), sleeper("/a b/c"));
        end_marked("PCAMFLOW_TEST_MARK", b"/a b");
        assert!(!marked.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
