//! How much memory processes hold, by the kernel's account in `/proc`.
//!
//! Whatever cannot be read counts as nothing known: no stage fails for it.

use std::{collections::BTreeSet, fs};

use crate::offspring::{Stat, table};

/// The resident bytes of each of these processes together with all that it started: its descendants, and
/// the members of its process group. One look at every process of the machine.
pub(super) fn held(ids: &[u32]) -> Vec<u64> {
    let (all, page) = (table(), page_size());
    ids.iter().map(|id| page * pages_below(*id, &all)).collect()
}

fn pages_below(id: u32, all: &[Stat]) -> u64 {
    let mut family = BTreeSet::from([id]);
    loop {
        let before = family.len();
        let related = |stat: &&Stat| stat.group == id || family.contains(&stat.parent);
        let found: Vec<u32> = all.iter().filter(related).map(|stat| stat.id).collect();
        family.extend(found);
        if family.len() == before {
            return all.iter().filter(|stat| family.contains(&stat.id)).map(|stat| stat.pages).sum();
        }
    }
}

/// Starts the account of a process' own peak anew; false where the kernel does not let us.
pub(super) fn forget_peak(id: u32) -> bool {
    fs::write(format!("/proc/{id}/clear_refs"), "5").is_ok()
}

/// The most that a living process held itself since [`forget_peak`].
pub(super) fn own_peak(id: u32) -> Option<u64> {
    kilobytes(&fs::read_to_string(format!("/proc/{id}/status")).ok()?, "VmHWM:")
}

/// The memory of this machine, in bytes.
#[must_use]
pub fn of_this_machine() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// `VmHWM:      2192 kB` in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The most that a process held that has ended and is not waited for yet. Blocks until it has ended.
pub(super) fn peak_of_the_dead(id: u32) -> Option<u64> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel fills both structures, which are ours, of the sizes it expects, and plain data
    // for which all zeroes are valid. `WNOWAIT` leaves the process to be waited for by its owner. (The C
    // library's `waitid` does not hand the usage on; the system call does.)
    let (done, usage) = unsafe {
        let flags = libc::WEXITED | libc::WNOWAIT;
        let done =
            libc::syscall(libc::SYS_waitid, libc::P_PID, id, info.as_mut_ptr(), flags, usage.as_mut_ptr());
        (done == 0, usage.assume_init())
    };
    let kilobytes = u64::try_from(usage.ru_maxrss).ok().filter(|most| done && *most > 0)?;
    kilobytes.checked_mul(1024)
}

fn page_size() -> u64 {
    // SAFETY: `sysconf` takes no pointers, and asks the kernel nothing that could fail for this name.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Bytes as people read them: `312 MiB`, `3.2 GiB`.
pub(super) fn amount(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    match bytes {
        bytes if bytes >= GIB => format!("{:.1} GiB", bytes as f64 / GIB as f64),
        bytes => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_family_is_all_descendants_and_the_group() {
        let stat = |id, parent, group, pages| Stat { id, parent, group, pages, alive: true };
        let all = [
            stat(10, 1, 10, 1),
            stat(13, 12, 13, 2),
            stat(12, 10, 12, 4),
            stat(14, 1, 10, 8),
            stat(15, 1, 15, 16),
        ];
        assert_eq!(pages_below(10, &all), 1 + 2 + 4 + 8);
        assert_eq!(pages_below(99, &all), 0);
    }

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        let text = "MemTotal:       24689604 kB\nMemFree: 1 kB\n";
        assert_eq!(kilobytes(text, "MemTotal:"), Some(24_689_604 * 1024));
        assert_eq!(kilobytes(text, "VmHWM:"), None);
    }

    #[test]
    fn this_process_holds_something_and_its_peak_is_no_less() {
        let id = std::process::id();
        let held = held(&[id])[0];
        assert!(held > 1 << 20, "{held}");
        assert!(own_peak(id).unwrap() > 1 << 20);
        assert!(of_this_machine().unwrap() > held);
    }

    #[test]
    fn the_dead_are_asked_without_being_waited_for() {
        let mut child = Command::new("sh").args(["-c", "exit 3"]).stdin(Stdio::null()).spawn().unwrap();
        assert!(peak_of_the_dead(child.id()).is_some_and(|peak| peak > 100_000));
        assert_eq!(child.wait().unwrap().code(), Some(3), "it is still there to be waited for");
    }

    #[test]
    fn amounts_are_rounded_up_to_a_mebibyte_and_have_one_decimal_above_a_gibibyte() {
        assert_eq!([1, 5 << 20, 7 << 29].map(amount), ["1 MiB", "5 MiB", "3.5 GiB"]);
    }
}
